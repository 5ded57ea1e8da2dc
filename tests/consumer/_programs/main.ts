import { isSystemError, MmapRegion, type Protection } from "@mmap/mmap";

using file = MmapRegion.open("numbers.bin", {
  access: "read-write",
  create: true,
  byteLength: 8192,
});
const numbers: Int32Array = file.view(Int32Array);
numbers[1] = 42;
file.flushSync();
using again = MmapRegion.open(new URL("numbers.bin", import.meta.url));
console.log(again.byteLength, again.view(Int32Array)[1]);

using memory = MmapRegion.anonymous(4096);
using attached = MmapRegion.attach(memory.handle());
Atomics.add(memory.view(Int32Array), 0, 7);
console.log(Atomics.load(attached.view(Int32Array), 0), MmapRegion.guardState());

const protection: Protection = "read";
memory.protect(protection);
memory.bytes[0] = 1;
console.log(memory.faults, attached.bytes[0]);

try {
  MmapRegion.open("missing.bin");
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound) || !isSystemError(error)) throw error;
  console.log(error.code, error.syscall);
}

export function refused(region: MmapRegion): void {
  // @ts-expect-error: a length is a number
  MmapRegion.anonymous("4096");
  // @ts-expect-error: no such protection
  region.protect("write");
}
