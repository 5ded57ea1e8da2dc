/**
 * munmap wants the very address that mmap returned. In C, `ptr++` before it is enough to lose it;
 * a region keeps its address to itself, so that cannot happen.
 *
 *     deno run --allow-ffi examples/munmap_address.ts
 */
import { isSystemError, MmapRegion } from "@mmap/mmap";
import { MAP_ANONYMOUS, MAP_PRIVATE, mmap, munmap, PROT_READ, PROT_WRITE } from "@mmap/mmap/libc";

const address = mmap(null, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
try {
  munmap(Deno.UnsafePointer.offset(address, 1), 4096);
} catch (error) {
  if (!isSystemError(error)) throw error;
  console.log(`munmap(address + 1): ${error.code}, and the memory stays mapped`);
}
munmap(address, 4096);
console.log("munmap(address): done");

const region = MmapRegion.anonymous(4096);
let view = region.bytes;
view = view.subarray(1); // moving a view moves nothing but the view
region.close();
console.log(`region.close(): done, the moved view has ${view.length} bytes left`);
region.close();
console.log("region.close() again: silent");
