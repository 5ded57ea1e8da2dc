/**
 * Data is read and written in place: a typed array is the file, and no read() or write() runs.
 *
 *     deno run --allow-all examples/zero_copy.ts
 *
 * (Deno lets a program read /proc/self/io, where Linux counts the bytes, with --allow-all only.)
 */
import { MmapRegion } from "@mmap/mmap";
import { temporaryDirectory } from "./temporary.ts";

const LENGTH = 2_000_000; // numbers, of 8 bytes each

/** What this process has moved by read() and write() so far, in bytes. */
function moved(): number {
  const [, read, written] = Deno.readTextFileSync("/proc/self/io").match(
    /rchar: (\d+)\nwchar: (\d+)/,
  )!;
  return Number(read) + Number(written);
}

using dir = temporaryDirectory();
const path = dir.file("numbers.bin");
const byteLength = LENGTH * Float64Array.BYTES_PER_ELEMENT;
const before = moved();
{
  using region = MmapRegion.open(path, { access: "read-write", createNew: true, byteLength });
  const numbers = region.view(Float64Array);
  for (let i = 0; i < LENGTH; i++) numbers[i] = LENGTH - i;
  numbers.sort(); // in the file itself
}
using region = MmapRegion.open(path);
const numbers = region.view(Float64Array);
console.log(`sorted ${byteLength} bytes in place: ${numbers[0]} ... ${numbers[LENGTH - 1]}`);
console.log(`moved by read() and write(): less than 64 KiB: ${moved() - before < 65536}`);
console.log(`a view is no copy: ${numbers.subarray(5).buffer === region.buffer}`);
