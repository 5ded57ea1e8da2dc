/** Readers that are interrupted between any two reads, by writers that overwrite all that is free. */

import { SharedCache } from "@mmap/mmap/collections";
import { MmapRegion } from "@mmap/mmap";
import { assert, assertEquals } from "@std/assert";
import { actAt } from "./_steps.ts";

const FIXED = 6;

/** Of one byte only, so that what is read of it looks like a version, a length or a link. */
function filled(byte: number, byteLength: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(byteLength).fill(byte);
}

const FORMS = { "buckets with room": 256, "overfull buckets": 2000 };
for (const [form, averageEntryByteLength] of Object.entries(FORMS)) {
  Deno.test(`A reader finds a whole value, whatever happens between its reads: ${form}`, () => {
    using region = MmapRegion.anonymous(65536);
    using cache = SharedCache.open(region, { averageEntryByteLength });
    using writer = SharedCache.open(region);
    let step = 0;
    /** What the fixed keys have had last. */
    const lengths = Array.from({ length: FIXED }, () => 0);
    const rewrite = (key: number): void => {
      lengths[key] = 40 + (step * 7919 + key * 31) % 300;
      writer.set(`fixed ${key}`, filled(key + 1, lengths[key]!));
    };
    const overwrite = (key: number): void => {
      // Others come, move to the main ring, and go, until all free memory was used again.
      for (let i = 0; i < 400; i++, step++) {
        writer.set(`other ${step % 200}`, filled(1 + step % 3, 20 + step % 200));
        writer.delete(`other ${(step * 3 + 100) % 200}`);
        if (i % 50 === 0) rewrite((step / 50 + key) % FIXED | 0);
      }
      rewrite(key);
    };
    for (let key = 0; key < FIXED; key++) rewrite(key);
    overwrite(0);
    let interrupted = 0;
    for (let key = 0; key < FIXED; key++) {
      const look = (): Uint8Array | undefined => cache.get(`fixed ${key}`);
      for (let count = 1;; count++) {
        const before = lengths[key]!;
        let acted = false;
        const { result }: { result: Uint8Array | undefined } = actAt(count, look, () => {
          acted = true;
          overwrite(key);
        });
        if (!acted) break;
        interrupted++;
        const where = `fixed ${key}, interrupted at ${count}`;
        assertEquals([before, lengths[key]].includes(result?.length), true, where);
        assertEquals(result, filled(key + 1, result!.length), where);
      }
    }
    assert(interrupted > 10 * FIXED, `${interrupted}`);
    assertEquals(writer.stats().evicted, 0);
  });
}
