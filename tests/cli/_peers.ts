/** The other processes of the command line's tests. */

import { MmapRegion } from "@mmap/mmap";
import { act, stdinEnds } from "../_act.ts";
import { splitLines } from "../_child.ts";

await act({
  /** Makes an object, and has it until its stdin ends. */
  async own(name: string): Promise<void> {
    using _region = MmapRegion.named(name, { createNew: true, byteLength: 4096 });
    console.log("ready");
    await stdinEnds();
  },

  /** Writes "A" at each place that its stdin names. */
  async change(name: string): Promise<void> {
    using region = MmapRegion.named(name);
    console.log("ready");
    const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
      .pipeThrough(splitLines());
    for await (const place of lines) region.bytes[Number(place)] = 0x41;
  },
});
