/** Views: where they begin and end, what they refuse, and the borders of 2 and 4 GiB. */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { MmapRegion, type TypedArrayConstructor } from "@mmap/mmap";
import { LENGTH, NO_NUMBERS, NO_OFFSETS, onEachRegion } from "../_each_region.ts";
import { thrownBy } from "../_errors.ts";
import { makeFile, makeSparseFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";

/** What all typed arrays have in common, as far as these tests look. */
interface Elements<T> extends Iterable<T> {
  readonly length: number;
  readonly byteOffset: number;
  readonly buffer: ArrayBufferLike;
  [index: number]: T;
}

/** A constructor of them, made for one buffer or by `view`. */
interface ElementsConstructor<T> extends TypedArrayConstructor<Elements<T>> {
  readonly name: string;
  readonly prototype: Elements<T>;
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): Elements<T>;
}

const NUMBER_TYPES = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
] as unknown as ElementsConstructor<number>[];

const TYPES = [...NUMBER_TYPES, BigInt64Array, BigUint64Array] as unknown as ElementsConstructor<
  unknown
>[];

/** How far behind a multiple of the element size a region begins. */
function shift(region: MmapRegion, elementSize: number): number {
  return (elementSize - region.bytes.byteOffset % elementSize) % elementSize;
}

for (const type of TYPES) {
  const size = type.BYTES_PER_ELEMENT;

  Deno.test(`MmapRegion.view() of ${type.name} is plain and covers what fits`, () =>
    onEachRegion((region) => {
      const start = shift(region, size);
      const view = region.view(type, start);
      assertEquals(
        Object.getPrototypeOf(view),
        type.prototype,
      );
      assertEquals(view.length, Math.floor((LENGTH - start) / size));
      assertStrictEquals(view.buffer, region.buffer);
      assertEquals(view.byteOffset, region.bytes.byteOffset + start);
      assertEquals(region.view(type, start + size, 3).length, 3);
      assertEquals(region.view(type, start, 0).length, 0);
    }));

  Deno.test(`MmapRegion.view() of ${type.name} throws RangeError beyond the region`, () =>
    onEachRegion((region) => {
      const start = shift(region, size);
      const fits = Math.floor((LENGTH - start) / size);
      const last = start + fits * size; // aligned, and no whole element is left
      assertEquals(region.view(type, last).length, 0);
      for (
        const [byteOffset, length] of [
          [start, fits + 1],
          [last, 1],
          [start + size, fits],
          [start + 8 * LENGTH, undefined],
          [start + 8 * LENGTH, 0],
          [start + 2 ** 32, undefined],
          [start, 2 ** 32 / size],
          [start, Number.MAX_SAFE_INTEGER],
        ]
      ) {
        const error = thrownBy(() => region.view(type, byteOffset, length)) as Error;
        assertEquals(error.constructor, RangeError, `${byteOffset}, ${length}: ${error}`);
      }
    }));

  Deno.test(`MmapRegion.view() of ${type.name} throws RangeError at misaligned starts`, () =>
    onEachRegion((region) => {
      for (let offset = 0; offset < 2 * size; offset++) {
        if ((region.bytes.byteOffset + offset) % size === 0) {
          assertEquals(region.view(type, offset, 1).length, 1);
          continue;
        }
        const error = thrownBy(() => region.view(type, offset, 1)) as Error;
        assertEquals(error.constructor, RangeError, String(error));
        assert(error.message.includes(`multiple of ${size}`), error.message);
      }
    }));
}

Deno.test("MmapRegion.view() and dataView() throw for wrong offsets and lengths", () =>
  onEachRegion((region) => {
    const calls = [
      (value: number) => region.view(Uint8Array, value),
      (value: number) => region.view(Uint8Array, 0, value),
      (value: number) => region.dataView(value),
      (value: number) => region.dataView(0, value),
    ];
    for (const call of calls) {
      for (const value of NO_NUMBERS) {
        const error = thrownBy(() => call(value as number)) as Error;
        assertEquals(error.constructor, TypeError, `${Deno.inspect(value)}: ${error}`);
      }
      for (const value of [...NO_OFFSETS, LENGTH + 1]) {
        const error = thrownBy(() => call(value)) as Error;
        assertEquals(error.constructor, RangeError, `${value}: ${error}`);
      }
    }
  }));

Deno.test("MmapRegion.view() throws TypeError for what is no typed array's constructor", () => {
  using region = MmapRegion.anonymous(PAGE);
  const wrong = [
    undefined,
    null,
    1,
    "Uint8Array",
    {},
    { BYTES_PER_ELEMENT: 1 },
    DataView,
    Array,
    ArrayBuffer,
  ];
  for (const type of wrong) {
    const error = thrownBy(() => region.view(type as unknown as typeof Uint8Array)) as Error;
    assertEquals(error.constructor, TypeError, `${Deno.inspect(type)}: ${error}`);
    assert(error.message.includes("typed array"), error.message);
  }
});

Deno.test("MmapRegion.dataView() reads and writes at any offset, in either byte order", () =>
  onEachRegion((region) => {
    for (const at of [0, 1, 7, PAGE - 3, LENGTH - 8]) {
      region.bytes.set(pattern(LENGTH));
      const view = region.dataView(at, 8);
      assertEquals([view.byteLength, view.getUint8(0)], [8, pattern(LENGTH)[at]]);
      view.setFloat64(0, Math.PI, true);
      view.setUint16(0, 0x0102);
      assertEquals([...region.bytes.subarray(at, at + 2)], [1, 2]);
      assertEquals(view.getUint16(0, true), 0x0201);
    }
    assertEquals(region.dataView(LENGTH).byteLength, 0);
    assertEquals(region.dataView(LENGTH - 5).byteLength, 5);
    for (const [at, length] of [[LENGTH, 1], [1, LENGTH], [LENGTH - 7, 8]]) {
      assertThrows(() => region.dataView(at, length), RangeError, "must lie within");
    }
  }));

Deno.test("MmapRegion.view() counts from the region's beginning, not the buffer's", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 3 * PAGE);
    using region = MmapRegion.open(path, { byteOffset: PAGE + 6 });
    assertEquals(region.view(Uint8Array, 1, 2), pattern(3 * PAGE).subarray(PAGE + 7, PAGE + 9));
    assertEquals(region.dataView(1).getUint8(0), pattern(3 * PAGE)[PAGE + 7]);
    const error = assertThrows(() => region.view(Float64Array), RangeError) as Error;
    assert(error.message.includes("6 bytes after the page boundary"), error.message);
    assertEquals(region.view(Float64Array, 2).byteOffset, 8);
  }));

Deno.test("MmapRegion.bytes is one object, and views of one region share one buffer", () =>
  onEachRegion((region) => {
    assertStrictEquals(region.bytes, region.bytes);
    assertStrictEquals(region.bytes.buffer, region.buffer);
    assertStrictEquals(region.dataView().buffer, region.buffer);
    const wide = region.view(Uint32Array, shift(region, 4));
    wide[0] = 0x01010101;
    assertEquals([...region.bytes.subarray(shift(region, 4)).subarray(0, 5)], [1, 1, 1, 1, 0]);
  }));

/** Where signed and unsigned 32-bit offsets end. */
const BORDERS = [2 ** 31, 2 ** 32];

onBothFileSystems("MmapRegion.view() straddles the borders of 2 and 4 GiB", (dir) => {
  const path = makeSparseFile(dir, 2 ** 32 + 2 * PAGE);
  using region = MmapRegion.open(path, { access: "read-write" });
  using file = Deno.openSync(path);
  for (const border of BORDERS) {
    const data = pattern(32, border % 251);
    region.bytes.set(data, border - 16);
    assertEquals(region.bytes.slice(border - 16, border + 16), data);
    assertEquals(region.view(Uint8Array, border - 16, 32), data);
    const read = new Uint8Array(32);
    file.seekSync(border - 16, Deno.SeekMode.Start);
    file.readSync(read);
    assertEquals(read, data);
    assertBorderTypes(region, border, data);
  }
});

function assertBorderTypes(
  region: MmapRegion,
  border: number,
  data: Uint8Array<ArrayBuffer>,
): void {
  for (const type of NUMBER_TYPES) {
    const count = 32 / type.BYTES_PER_ELEMENT;
    const expected = new type(data.buffer);
    assertEquals([...region.view(type, border - 16, count)], [...expected], type.name);
    // The same elements by their index in a view of everything.
    const whole = region.view(type);
    const first = (border - 16) / type.BYTES_PER_ELEMENT;
    for (let i = 0; i < count; i++) assertEquals(whole[first + i], expected[i], type.name);
  }
  const words = region.view(BigUint64Array, border - 16, 4);
  assertEquals([...words], [...new BigUint64Array(data.buffer)]);
  const view = region.dataView();
  const copy = new DataView(data.buffer);
  for (let i = 0; i <= 24; i++) {
    const at = border - 16 + i;
    assertEquals(view.getFloat64(at), copy.getFloat64(i));
    assertEquals(view.getUint32(at, true), copy.getUint32(i, true));
  }
  const near = region.dataView(border - 3, 6);
  near.setUint32(1, 0xdeadbeef);
  assertEquals([...region.bytes.subarray(border - 2, border + 2)], [0xde, 0xad, 0xbe, 0xef]);
}

onBothFileSystems("MmapRegion ranges work across the borders of 2 and 4 GiB", (dir) => {
  const path = makeSparseFile(dir, 2 ** 32 + 2 * PAGE);
  using region = MmapRegion.open(path, { access: "read-write" });
  for (const border of BORDERS) {
    const range = { byteOffset: border - PAGE, byteLength: 2 * PAGE };
    assertEquals(region.tryWrite(pattern(100), border - 50), 100);
    const read = new Uint8Array(100);
    assertEquals(region.tryRead(read, border - 50), 100);
    assertEquals(read, pattern(100));
    region.flushSync(range);
    region.advise("will-need", range);
    region.populateSync(range);
    assertEquals([...region.residency(range).map], [1, 1]);
    region.discard({ byteOffset: border - 10, byteLength: 20 });
    assertEquals(
      region.bytes.slice(border - 11, border + 11).filter((byte) => byte !== 0).length,
      2,
    );
    assertEquals(region.bytes.indexOf(pattern(100)[39]!, border - 11), border - 11);
  }
  region.resize(2 ** 32 + PAGE);
  region.resize(2 ** 32 - 1);
  region.resize(2 ** 31 + 1);
  assertEquals([region.byteLength, Deno.statSync(path).size], [2 ** 31 + 1, 2 ** 31 + 1]);
  assertEquals(region.bytes[2 ** 31 - 50], pattern(1)[0]);
});
