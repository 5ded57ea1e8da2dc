/**
 * A file ends somewhere in its last page. In C a map may be longer than its file, and touching a
 * whole page beyond it is a SIGBUS. Here no region can be opened longer than its file, and one whose
 * file gets shorter reads zeros.
 *
 *     deno run --allow-ffi --allow-read --allow-write examples/beyond_the_file.ts
 *
 *     |---------- page ----------|---------- page ----------|---------- page ----------|
 *     |5000 bytes of the file           |zeros, not in it   |SIGBUS in C               |
 */
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import {
  close,
  MAP_SHARED,
  mmap,
  munmap,
  O_RDWR,
  open,
  PROT_READ,
  PROT_WRITE,
} from "@mmap/mmap/libc";
import { temporaryDirectory } from "./temporary.ts";

using dir = temporaryDirectory();
const path = dir.file("data.bin");
Deno.writeFileSync(path, new Uint8Array(5000).fill(1));

function expectRangeError(what: string, call: () => unknown): void {
  try {
    call();
    console.log(`${what}: no error`);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.log(`${what}: RangeError ${error.message.replace(path, "data.bin")}`);
  }
}

using region = MmapRegion.open(path, { access: "read-write" });
console.log(`the region ends with the file: ${region.byteLength} bytes`);
expectRangeError("100000 bytes", () => MmapRegion.open(path, { byteLength: 100_000 }));
expectRangeError("one byte more", () => region.view(Uint8Array, 0, 5001));

// The last page has room beyond the file's end. C can write there, but the file does not get it.
const fd = open(path, O_RDWR);
const address = mmap(null, 5001, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
close(fd);
const bytes = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(address, 5001));
console.log(`raw mmap: byte 4999 is ${bytes[4999]}, byte 5000 is ${bytes[5000]}`);
bytes[4999] = 2; // in the file
bytes[5000] = 3; // behind it
munmap(address, 5001); // `bytes` must not be touched any more
const file = Deno.readFileSync(path);
console.log(
  `after writing both: the file has ${file.length} bytes, the last one is ${file.at(-1)}`,
);

// Another process makes the file shorter under the region. In C, the next access would end this
// one.
Deno.truncateSync(path, 0);
console.log(`after truncation: byte 0 reads ${region.bytes[0]}, ${region.faults} fault absorbed`);
try {
  region.check();
} catch (error) {
  if (!(error instanceof MappingFaultError)) throw error;
  console.log(`check(): ${error.message.replace(path, "data.bin")}`);
}
