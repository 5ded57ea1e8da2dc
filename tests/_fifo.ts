/** Named pipes. */

/** Makes one. */
export function makeFifo(path: string): void {
  const libc = Deno.dlopen("libc.so.6", {
    mkfifo: { parameters: ["buffer", "u32"], result: "i32" },
  });
  const result = libc.symbols.mkfifo(new TextEncoder().encode(`${path}\0`), 0o600);
  libc.close();
  if (result !== 0) throw new Error(`There is no pipe at ${path}`);
}
