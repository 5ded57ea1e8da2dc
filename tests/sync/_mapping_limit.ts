/**
 * A stray write at the system's limit of mappings: no single page can be cut out, so all of the region
 * becomes a copy. Then its locks must not go on alone.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { MAP_ANONYMOUS, MAP_PRIVATE, mmap, munmap, PROT_NONE, PROT_READ } from "@mmap/mmap/libc";
import { Mutex } from "@mmap/mmap/sync";
import { PAGE } from "../_pages.ts";

const path = Deno.makeTempFileSync();
Deno.writeFileSync(path, new Uint8Array(5 * PAGE));
using region = MmapRegion.open(path, { access: "read-write" });
const mutex = new Mutex(region, 0);
mutex.lockSync().unlock();
const { bytes } = region;
region.protect("read", { byteOffset: PAGE, byteLength: 3 * PAGE });

// What runs at the limit is compiled before, when there is memory for that.
assertThrows(() => mmap(null, 2 ** 47, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
munmap(mmap(null, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), PAGE);
// Neighbours of different protection, which the system cannot join.
const taken: Deno.PointerObject[] = [];
let refused = false;
for (let i = 0; !refused; i++) {
  try {
    taken.push(
      mmap(null, PAGE, i % 2 === 0 ? PROT_NONE : PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
    );
  } catch {
    refused = true;
  }
}
// Into one more the kernel would let nobody split another.
munmap(taken.pop()!, PAGE);
bytes[2 * PAGE] = 1;
for (const page of taken) munmap(page, PAGE);

assertEquals([region.faults, Deno.readFileSync(path)[2 * PAGE]], [1, 0]);
assertThrows(() => mutex.lockSync(), MappingFaultError);
region.repair();
mutex.lockSync().unlock();
Deno.removeSync(path);
console.log("alive");
