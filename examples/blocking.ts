/**
 * mmap neither blocks nor synchronises: who waits for another process has to look again and again,
 * and has to agree with it on a word that says when the data are there.
 *
 *     deno run --allow-ffi --allow-run examples/blocking.ts
 *
 *     offset 0: 32-bit flag, 0 until the message is whole
 *     offset 4: 32-bit length of the message
 *     offset 8: the message
 */
import { MmapRegion } from "@mmap/mmap";

using region = MmapRegion.anonymous(4096);
const header = region.view(Int32Array, 0, 2);

const child = new Deno.Command(Deno.execPath(), {
  args: ["run", "--allow-ffi", import.meta.resolve("./blocking_child.ts")],
  env: region.env(),
}).spawn();
let ended = false;
child.status.then(() => ended = true);

// Pairs with the store in the child: who sees the flag sees the message as well. A plain read could
// be moved out of the loop, and a plain write before the message.
let looks = 1;
while (Atomics.load(header, 0) === 0 && !ended) {
  looks++;
  await new Promise((resolve) => setTimeout(resolve, 1)); // leaves the processor to others
}

const message = new TextDecoder().decode(region.view(Uint8Array, 8, header[1]));
console.log(`looked ${looks} times, then read "${message}"`);
await child.status;
