/**
 * Alternates "Hello" and "World" in a mapped file for ever; hello_world_reader.ts, started on its
 * own, prints what it sees. Ctrl-C stops either.
 *
 *     deno run --allow-ffi examples/hello_world_writer.ts hello_world.bin
 *
 *     offset 0: 32-bit count, odd while the word is being written
 *     offset 4: the word, 5 bytes
 */
import { MmapRegion } from "@mmap/mmap";

using region = MmapRegion.open(Deno.args[0] ?? "hello_world.bin", {
  access: "read-write",
  create: true, // and never truncate: a reader may have it mapped
  byteLength: 4096,
});
const count = region.view(Int32Array, 0, 1);
const word = region.view(Uint8Array, 4, 5);
Atomics.store(count, 0, 0); // a writer that was stopped may have left it odd
console.log("writing");

for (let turn = 0;; turn++) {
  // A reader may look in the middle of the copy. It pairs these two with its own loads, and takes
  // the word only if the count was even and the same before and after.
  Atomics.add(count, 0, 1);
  new TextEncoder().encodeInto(turn % 2 === 0 ? "Hello" : "World", word);
  Atomics.add(count, 0, 1);
  await new Promise((resolve) => setTimeout(resolve, 50)); // the pace, for human eyes
}
