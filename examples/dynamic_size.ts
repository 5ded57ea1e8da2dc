/**
 * A region grows and shrinks at run time, and its file with it (ftruncate and mremap).
 *
 *     deno run --allow-ffi --allow-read --allow-write examples/dynamic_size.ts
 */
import { MmapRegion } from "@mmap/mmap";
import { temporaryDirectory } from "./temporary.ts";

using dir = temporaryDirectory();
const path = dir.file("data.bin");
using region = MmapRegion.open(path, { access: "read-write", createNew: true, byteLength: 10 });

function show(what: string): void {
  const { size } = Deno.statSync(path);
  console.log(`${what}: region ${region.byteLength} bytes, file ${size} bytes`);
}

region.bytes[9] = 9;
show("created");

const old = region.bytes;
region.resize(1_000_000);
show("grown");
console.log(`byte 9 is still ${region.bytes[9]}, byte 10 is ${region.bytes[10]}`);
console.log(`a view from before has ${old.length} bytes`); // the memory may have moved

region.resize(10);
show("shrunk");

// Memory without a file can do the same. Shrinking needs an option, since other users of the memory
// must be ready for it. Within what was reserved it grows in place; macOS needs that to grow at all.
using memory = MmapRegion.anonymous(4096, { resizable: true, reserve: 1 << 20 });
memory.bytes[0] = 1;
memory.resize(1 << 20);
console.log(`memory grew to ${memory.byteLength} bytes, byte 0 is still ${memory.bytes[0]}`);
memory.resize(4096);
console.log(`memory shrank to ${memory.byteLength} bytes`);
