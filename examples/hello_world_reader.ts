/**
 * Prints what hello_world_writer.ts, an unrelated process, is writing.
 *
 *     deno run --allow-ffi examples/hello_world_reader.ts hello_world.bin
 */
import { MmapRegion } from "@mmap/mmap";

using region = MmapRegion.open(Deno.args[0] ?? "hello_world.bin");
const count = region.view(Int32Array, 0, 1);
const word = region.view(Uint8Array, 4, 5);

let seen = 0;
while (true) {
  const before = Atomics.load(count, 0);
  const text = new TextDecoder().decode(word);
  const torn = before % 2 !== 0 || Atomics.load(count, 0) !== before;
  if (!torn && before !== seen) {
    console.log(text);
    seen = before;
  }
  // mmap wakes nobody, so this polls.
  await new Promise((resolve) => setTimeout(resolve, 5));
}
