/** `tryRead` and `tryWrite`: their arguments, and the end of the region. */

import { assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { LENGTH, NO_NUMBERS, NO_OFFSETS, onEachRegion } from "../_each_region.ts";
import { thrownBy } from "../_errors.ts";
import { makeFile, pattern, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";

for (const name of ["tryRead", "tryWrite"] as const) {
  Deno.test(`MmapRegion.${name}() checks byteOffset`, () =>
    onEachRegion((region) => {
      for (const offset of [undefined, ...NO_NUMBERS]) {
        const error = thrownBy(() => region[name](new Uint8Array(1), offset as number)) as Error;
        assertEquals(error.constructor, TypeError, `${Deno.inspect(offset)}: ${error}`);
      }
      for (const offset of [...NO_OFFSETS, LENGTH + 1, 2 ** 32]) {
        const error = thrownBy(() => region[name](new Uint8Array(1), offset)) as Error;
        assertEquals(error.constructor, RangeError, `${offset}: ${error}`);
      }
    }));

  Deno.test(`MmapRegion.${name}() throws TypeError for what is no Uint8Array`, () => {
    using region = MmapRegion.anonymous(LENGTH);
    const fakes = [
      undefined,
      null,
      1,
      "text",
      {},
      [1],
      new ArrayBuffer(1),
      new DataView(new ArrayBuffer(1)),
      new Uint8ClampedArray(1),
      new Uint16Array(1),
      { length: 1, byteLength: 1, buffer: new ArrayBuffer(1) },
    ];
    for (const fake of fakes) {
      const error = thrownBy(() => region[name](fake as unknown as Uint8Array, 0)) as Error;
      assertEquals(error.constructor, TypeError, `${Deno.inspect(fake)}: ${error}`);
    }
  });
}

Deno.test("MmapRegion.tryRead() and tryWrite() are clipped at the end of the region", () =>
  onEachRegion((region) => {
    region.bytes.set(pattern(LENGTH));
    const target = new Uint8Array(10).fill(255);
    assertEquals(region.tryRead(target, LENGTH - 3), 3);
    assertEquals(target, Uint8Array.of(...pattern(LENGTH).subarray(-3), ...Array(7).fill(255)));
    assertEquals(region.tryRead(target, LENGTH), 0);
    assertEquals(region.tryRead(new Uint8Array(0), 0), 0);
    assertEquals(region.tryWrite(Uint8Array.of(1, 2, 3, 4), LENGTH - 2), 2);
    assertEquals(region.tryWrite(Uint8Array.of(1), LENGTH), 0);
    assertEquals(region.tryWrite(new Uint8Array(0), LENGTH), 0);
    const expected = pattern(LENGTH);
    expected.set([1, 2], LENGTH - 2);
    assertEquals(region.bytes, expected);
    const all = new Uint8Array(LENGTH + 1);
    assertEquals(region.tryRead(all, 0), LENGTH);
    assertEquals(all.subarray(0, LENGTH), expected);
  }));

Deno.test("MmapRegion.tryWrite() writes nothing to a region that cannot write", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 2 * PAGE);
    using region = MmapRegion.open(path);
    assertEquals(region.tryWrite(new Uint8Array(PAGE), 10), 0);
    assertEquals(Deno.readFileSync(path), pattern(2 * PAGE));
  }));
