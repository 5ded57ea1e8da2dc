/**
 * mmap itself neither blocks nor synchronises: a read returns at once, and nobody is notified of a
 * write. Processes wait by other means: here, an event in the same memory.
 *
 *     deno run --allow-ffi --allow-run examples/blocking.ts
 *
 *     offset 0: the event "the message is whole"
 *     offset 64: 32-bit length of the message
 *     offset 68: the message
 */
import { MmapRegion } from "@mmap/mmap";
import { SharedEvent } from "@mmap/mmap/sync";

using region = MmapRegion.anonymous(4096);
const ready = new SharedEvent(region, 0);
const length = region.view(Int32Array, 64, 1);
console.log(`a read does not wait: the message has ${length[0]} bytes`);
try {
  Atomics.wait(length, 0, 0);
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  console.log("Atomics.wait does not work on mapped memory");
}

const child = new Deno.Command(Deno.execPath(), {
  args: ["run", "--allow-ffi", import.meta.resolve("./blocking_child.ts")],
  env: region.env(),
}).spawn();

// Sleeps until the child sets it. A process that has waited sees everything that was written before
// that.
ready.waitSync({ timeoutMs: 30_000 });
const message = new TextDecoder().decode(region.view(Uint8Array, 68, length[0]));
console.log(`waited for the event, then read "${message}"`);
await child.status;
