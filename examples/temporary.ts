/** Files for the examples, gone when the example ends. */

/** A new directory: `using dir = temporaryDirectory();` removes it at the end of the block. */
export function temporaryDirectory(): Disposable & { file(name: string): string } {
  const path = Deno.makeTempDirSync({ prefix: "mmap_example_" });
  return {
    file: (name) => `${path}/${name}`,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}
