/**
 * WebAssembly code works on a mapped file in place, and a Worker is woken through it.
 *
 *     deno run --allow-ffi --allow-read --allow-write examples/webassembly/main.ts
 */
import { MmapRegion } from "@mmap/mmap";
import { instantiate } from "./module.ts";

const path = await Deno.makeTempFile();
try {
  using region = MmapRegion.open(path, {
    access: "read-write",
    create: true,
    byteLength: 1_000_000,
  });
  const numbers = region.view(BigInt64Array);
  for (let i = 0; i < numbers.length; i++) numbers[i] = BigInt(i);

  const { sum, store } = instantiate(region.wasmMemory());
  console.log(`WebAssembly adds up ${numbers.length} numbers of the file: ${sum(0, 1_000_000)}`);
  store(0, 42n);
  const [first] = new BigInt64Array((await Deno.readFile(path)).buffer);
  console.log(`it wrote ${first} to the file`);

  const shared = region.sharedBuffer();
  const worker = new Worker(import.meta.resolve("./worker.ts"), { type: "module" });
  const flag = new Int32Array(shared, 8, 1);
  flag[0] = 0;
  const { async, value } = Atomics.waitAsync(flag, 0, 0);
  worker.postMessage(shared); // not a copy
  console.log(`a Worker writes to the same file: ${async && await value}, ${flag[0]}`);
  worker.terminate();
} finally {
  await Deno.remove(path);
}
