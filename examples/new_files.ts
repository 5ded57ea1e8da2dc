/**
 * A new file is empty and cannot be mapped until it is extended. Creating a region does that.
 *
 *     deno run --allow-ffi --allow-read --allow-write examples/new_files.ts
 */
import { MmapRegion } from "@mmap/mmap";
import { temporaryDirectory } from "./temporary.ts";

using dir = temporaryDirectory();
const path = dir.file("new.bin");

Deno.createSync(path).close();
try {
  MmapRegion.open(path, { access: "read-write" });
} catch (error) {
  if (!(error instanceof RangeError)) throw error;
  console.log(`empty file: ${error.message.replace(path, "new.bin")}`);
}

{ // `create` makes the file if it is missing, and extends it if it is too short.
  using region = MmapRegion.open(path, { access: "read-write", create: true, byteLength: 100 });
  console.log(`create: region ${region.byteLength} bytes, file ${Deno.statSync(path).size} bytes`);
  region.bytes.fill(1);
}

{ // An existing file keeps what it has.
  using region = MmapRegion.open(path, { access: "read-write", create: true, byteLength: 200 });
  console.log(`create again: byte 99 is ${region.bytes[99]}, byte 100 is ${region.bytes[100]}`);
}

try { // `createNew` insists on making it.
  MmapRegion.open(path, { access: "read-write", createNew: true, byteLength: 100 });
} catch (error) {
  if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  console.log(`createNew: AlreadyExists, the file still has ${Deno.statSync(path).size} bytes`);
}
