/**
 * Takes what it is given, again and again, and prints the first byte of it: as a region, whose handle
 * comes as a line; or as so many bytes through the pipe.
 */

import { MmapRegion } from "@mmap/mmap";

const [byteLength] = Deno.args.map(Number);
console.log("ready");
if (byteLength === undefined) takeHandles();
else takeBytes(byteLength);

function takeHandles(): void {
  const chunk = new Uint8Array(4096);
  let text = "";
  for (let count; (count = Deno.stdin.readSync(chunk)) !== null;) {
    text += new TextDecoder().decode(chunk.subarray(0, count));
    if (!text.endsWith("\n")) continue;
    using region = MmapRegion.attach(text);
    console.log(region.bytes[0]);
    text = "";
  }
}

function takeBytes(byteLength: number): void {
  const chunk = new Uint8Array(1 << 20);
  let received = 0;
  let first: number | undefined;
  for (let count; (count = Deno.stdin.readSync(chunk)) !== null;) {
    first ??= chunk[0];
    received += count;
    if (received < byteLength) continue;
    console.log(first);
    received = 0;
    first = undefined;
  }
}
