/**
 * Errors, by the names of C's errno: for each one, its name, the call and the remedy.
 *
 *     deno run --allow-ffi --allow-write examples/errors.ts
 */
import { isSystemError, MmapRegion } from "@mmap/mmap";
import {
  close,
  ftruncate,
  MAP_LOCKED,
  MAP_SHARED,
  mmap,
  O_CREAT,
  O_RDONLY,
  O_WRONLY,
  open,
  PROT_READ,
  PROT_WRITE,
  type Size,
} from "@mmap/mmap/libc";
import { temporaryDirectory } from "./temporary.ts";

function expectError(what: string, wayOut: string, call: () => unknown): void {
  try {
    call();
    console.log(`${what}: no error here`);
  } catch (error) {
    const told = isSystemError(error)
      ? `${error.code} from ${error.syscall} (${error.constructor.name})`
      : String(error);
    console.log(`${what}: ${told}. ${wayOut}`);
  }
}

using dir = temporaryDirectory();
const path = dir.file("data.bin");
const writeOnly = open(path, O_CREAT | O_WRONLY);
ftruncate(writeOnly, 16 << 20);
const readOnly = open(path, O_RDONLY);

/** C's call, with one argument out of order. */
function map(
  { length = 4096 as Size, prot = PROT_READ, flags = MAP_SHARED, fd = readOnly, offset = 0 },
): void {
  mmap(null, length, prot, flags, fd, offset);
}

const descriptor = "Give a descriptor that is open, or a path.";
expectError("no such descriptor", descriptor, () => map({ fd: 1_000_000 }));

const rights = "Open for reading and writing, or map copy-on-write, which needs no right to write.";
expectError("writable, opened read-only", rights, () => map({ prot: PROT_READ | PROT_WRITE }));
expectError("opened write-only", "Open for reading too.", () => map({ fd: writeOnly }));

const region =
  "MmapRegion chooses the flags, takes any offset, and refuses the rest before the call.";
expectError("length 0", region, () => map({ length: 0 }));
expectError("offset 1000", region, () => map({ offset: 1000 }));
expectError("neither shared nor private", region, () => map({ flags: 0 }));
const atLeast = "Leave it out to map to the end of the file.";
expectError("region of length 0", atLeast, () => MmapRegion.open(path, { byteLength: 0 }));
expectError("region at offset 1000", "", () => MmapRegion.open(path, { byteOffset: 1000 }).close());

const lock = "Lock less, or raise `ulimit -l`.";
expectError("16 MiB locked", lock, () => {
  // Root may lock any amount: then there is no error.
  MmapRegion.open(path, { flags: MAP_LOCKED }).close();
});

const part = "Map a part: byteOffset and byteLength.";
expectError("no address space", part, () => map({ length: 2n ** 60n }));

for (const fd of [writeOnly, readOnly]) close(fd);
