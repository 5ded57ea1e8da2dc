/** Copies out of memory of more than 4 GiB. */

import { assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { copyInto, pooledCopy } from "../../src/mapping/slab.ts";

const AT = 2 ** 32 + 8;

Deno.test("pooledCopy() and copyInto() take what lies behind 4 GiB", () => {
  using region = MmapRegion.anonymous(2 ** 32 + 4096, { sharing: "private", reserve: false });
  const { bytes } = region;
  const words = region.view(Int32Array);
  const value = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
  bytes.set(value, AT);
  assertEquals(pooledCopy(bytes, words, AT / 4, 8), value);
  const target = new Uint8Array(8);
  for (let uses = 0; uses < 100; uses++) { // some of them by words
    copyInto(bytes, words, AT / 4, 8, target.fill(0));
    assertEquals(target, value);
  }
});
