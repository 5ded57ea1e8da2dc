/**
 * The call itself, as C has it: every parameter of `mmap` and `munmap`.
 *
 *     deno run --allow-ffi --allow-write examples/raw_mmap.ts
 *
 * Only types are checked here. `MmapRegion` is the safe form of all of it.
 */
import {
  _SC_PAGESIZE,
  close,
  ftruncate,
  MAP_ANONYMOUS,
  MAP_DENYWRITE,
  MAP_FIXED,
  MAP_LOCKED,
  MAP_PRIVATE,
  MAP_SHARED,
  mmap,
  mprotect,
  munmap,
  O_CREAT,
  O_RDWR,
  open,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  sysconf,
} from "@mmap/mmap/libc";
import { temporaryDirectory } from "./temporary.ts";

const PAGE = sysconf(_SC_PAGESIZE);

function at(address: Deno.PointerObject): Uint8Array {
  // Unsafe: touching these bytes after munmap would end the process.
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(address, PAGE));
}

// addr null: the kernel chooses. fd -1 and offset 0: no file.
const scratch = mmap(null, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
console.log(`anonymous: first byte ${at(scratch)[0]}`);

// addr as a hint, which the kernel may ignore; PROT_NONE: not to be touched until mprotect allows it.
const hint = Deno.UnsafePointer.create(0x2000_0000_0000n);
const reserved = mmap(hint, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
console.log(`hint: taken ${Deno.UnsafePointer.equals(reserved, hint) ? "exactly" : "elsewhere"}`);
mprotect(reserved, PAGE, PROT_READ | PROT_EXEC);

// MAP_FIXED: exactly here, over whatever is mapped there.
at(scratch)[0] = 1;
const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
const fixed = mmap(scratch, PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
console.log(
  `fixed: same address ${Deno.UnsafePointer.equals(fixed, scratch)}, byte ${at(fixed)[0]}`,
);

// A file's second page. MAP_DENYWRITE is passed on, and ignored by today's kernels.
using dir = temporaryDirectory();
const path = dir.file("data.bin");
const fd = open(path, O_RDWR | O_CREAT, 0o600);
ftruncate(fd, 2 * PAGE);
const page = mmap(null, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_DENYWRITE, fd, PAGE);
at(page)[0] = 42;

// MAP_LOCKED: kept in memory. The mapping outlives the descriptor.
const locked = mmap(null, PAGE, PROT_READ, MAP_SHARED | MAP_LOCKED, fd, PAGE);
close(fd);
console.log(`file: wrote 42 at offset ${PAGE}, the other mapping reads ${at(locked)[0]}`);

for (const address of [fixed, reserved, page, locked]) munmap(address, PAGE);
console.log("unmapped 4 mappings");
