/** The Worker of main.ts. */
const parent = self as unknown as Worker;

parent.addEventListener("message", ({ data }: MessageEvent<SharedArrayBuffer>) => {
  const flag = new Int32Array(data, 8, 1);
  Atomics.store(flag, 0, 7);
  Atomics.notify(flag, 0);
});
