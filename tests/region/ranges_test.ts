/** The bounds of every range that a region's methods take. */

import { assertEquals } from "@std/assert";
import { type ByteRange, isSystemError, MmapRegion } from "@mmap/mmap";
import { LENGTH, NO_NUMBERS, NO_OFFSETS, onEachRegion } from "../_each_region.ts";
import { thrownBy } from "../_errors.ts";
import { makeFile, pattern, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";

type RangeCall = (region: MmapRegion, range?: ByteRange) => unknown;

const METHODS: Record<string, RangeCall> = {
  flushSync: (region, range) => region.flushSync(range),
  flush: (region, range) => region.flush(range),
  advise: (region, range) => region.advise("normal", range),
  populateSync: (region, range) => region.populateSync(range),
  populate: (region, range) => region.populate(range),
  protect: (region, range) => region.protect("read-write", range),
  lock: (region, range) => region.lock(range),
  unlock: (region, range) => region.unlock(range),
  residency: (region, range) => region.residency(range),
  discard: (region, range) => region.discard(range),
  probe: (region, range) => region.probe(range),
};

/** What the call throws or is rejected with. */
async function failureOf(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("The range was accepted");
}

const WRONG_TYPES = [
  ...[null, 0, "", true, 1n].map((range) => range as unknown),
  ...NO_NUMBERS.map((byteOffset) => ({ byteOffset })),
  ...NO_NUMBERS.map((byteLength) => ({ byteLength })),
];

const OUT_OF_RANGE = [
  ...NO_OFFSETS.map((byteOffset) => ({ byteOffset })),
  ...NO_OFFSETS.map((byteLength) => ({ byteLength })),
  { byteLength: 0 },
  { byteOffset: 10, byteLength: 0 },
  { byteOffset: LENGTH },
  { byteOffset: LENGTH, byteLength: 1 },
  { byteOffset: LENGTH + 1 },
  { byteOffset: 2 ** 32 },
  { byteLength: LENGTH + 1 },
  { byteOffset: 1, byteLength: LENGTH },
  { byteOffset: LENGTH - 1, byteLength: 2 },
  { byteLength: 2 ** 32 + 1 },
  { byteOffset: 1, byteLength: Number.MAX_SAFE_INTEGER },
  { byteOffset: Number.MAX_SAFE_INTEGER, byteLength: Number.MAX_SAFE_INTEGER },
];

for (const [name, call] of Object.entries(METHODS)) {
  Deno.test(`MmapRegion.${name}() throws TypeError if the range is of another type`, () =>
    onEachRegion(async (region) => {
      for (const range of WRONG_TYPES) {
        const error = await failureOf(() => call(region, range as ByteRange));
        const about = `${Deno.inspect(range)}: ${error}`;
        assertEquals([error.constructor, isSystemError(error)], [TypeError, false], about);
      }
    }));

  Deno.test(`MmapRegion.${name}() throws RangeError outside of the region`, () =>
    onEachRegion(async (region) => {
      const before = pattern(LENGTH);
      region.bytes.set(before);
      for (const range of OUT_OF_RANGE) {
        const error = await failureOf(() => call(region, range));
        assertEquals(error.constructor, RangeError, `${Deno.inspect(range)}: ${error}`);
      }
      assertEquals(region.bytes, before);
    }));

  Deno.test(`MmapRegion.${name}() takes the whole region and its last page`, () =>
    onEachRegion(async (region) => {
      const lead = region.byteOffset % PAGE;
      const lastPage = 3 * PAGE - lead;
      for (
        const range of [
          undefined,
          {},
          { byteOffset: undefined, byteLength: undefined } as unknown as ByteRange,
          { byteOffset: 0 },
          { byteLength: LENGTH },
          { byteOffset: lastPage },
          { byteOffset: lastPage, byteLength: LENGTH - lastPage },
        ]
      ) await call(region, range);
    }));

  Deno.test(`MmapRegion.${name}() throws BadResource after close`, async () => {
    const region = MmapRegion.anonymous(LENGTH);
    region.close();
    const error = await failureOf(() => call(region));
    assertEquals(error.constructor, Deno.errors.BadResource, String(error));
  });

  Deno.test(`MmapRegion.${name}() sees that a getter of the range closes the region`, async () => {
    using region = MmapRegion.anonymous(LENGTH);
    const range = {
      get byteOffset(): number {
        region.close();
        return 0;
      },
    };
    const error = await failureOf(() => call(region, range));
    assertEquals(error.constructor, Deno.errors.BadResource, String(error));
  });
}

Deno.test("MmapRegion.protect() throws RangeError if the range cuts a page", () =>
  onEachRegion((region) => {
    const lead = region.byteOffset % PAGE;
    const page = PAGE - lead; // where the second page begins
    for (
      const range of [
        { byteOffset: page + 1 },
        { byteOffset: page - 1 },
        { byteOffset: page, byteLength: PAGE - 1 },
        { byteOffset: page, byteLength: 1 },
        { byteLength: page + 1 },
        { byteOffset: 1, byteLength: page - 1 },
        { byteOffset: 3 * PAGE - lead, byteLength: LENGTH + lead - 3 * PAGE - 1 },
      ]
    ) {
      const error = thrownBy(() => region.protect("read", range)) as Error;
      assertEquals(error.constructor, RangeError, `${Deno.inspect(range)}: ${error}`);
    }
    region.bytes.fill(1); // nothing was protected
  }));

Deno.test("MmapRegion.discard() zeroes exactly the bytes of the range", () =>
  onEachRegion((region) => {
    const ranges = [[0, 1], [5, 10], [PAGE - 50, 100], [10, 2 * PAGE], [LENGTH - 1, 1], [
      1,
      LENGTH - 1,
    ]];
    for (const [byteOffset, byteLength] of ranges as [number, number][]) {
      const expected = pattern(LENGTH);
      region.bytes.set(expected);
      region.discard({ byteOffset, byteLength });
      expected.fill(0, byteOffset, byteOffset + byteLength);
      assertEquals(region.bytes, expected, `${byteOffset}, ${byteLength}`);
    }
  }));

Deno.test("MmapRegion.discard() of a file leaves the bytes around the region", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 3 * PAGE);
    using region = MmapRegion.open(path, {
      access: "read-write",
      byteOffset: 50,
      byteLength: PAGE,
    });
    region.discard();
    const expected = pattern(3 * PAGE);
    expected.fill(0, 50, 50 + PAGE);
    assertEquals(Deno.readFileSync(path), expected);
  }));

Deno.test("MmapRegion.discard() throws PermissionDenied on a region that cannot write", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 100);
    using region = MmapRegion.open(path);
    const error = thrownBy(() => region.discard()) as Error;
    assertEquals(error.constructor, Deno.errors.PermissionDenied);
    assertEquals(Deno.readFileSync(path), pattern(100));
  }));

Deno.test("MmapRegion.residency() counts the pages that the range touches", () =>
  onEachRegion((region) => {
    const lead = region.byteOffset % PAGE;
    region.bytes.fill(1);
    const counts = ([[0, 1], [PAGE - lead - 1, 2], [PAGE - lead, PAGE], [0, LENGTH]] as const)
      .map(([byteOffset, byteLength]) => region.residency({ byteOffset, byteLength }));
    assertEquals(counts.map(({ pages }) => pages), [1, 2, 1, 4]);
    assertEquals(counts.map(({ residentPages }) => residentPages), [1, 2, 1, 4]);
    assertEquals([...counts[3]!.map], [1, 1, 1, 1]);
    assertEquals(counts[0]!.pageSize, PAGE);
  }));

Deno.test("MmapRegion.resize() checks byteLength", () =>
  onEachRegion((region) => {
    const before = region.bytes;
    for (const wrong of [undefined, ...NO_NUMBERS]) {
      const error = thrownBy(() => region.resize(wrong as unknown as number)) as Error;
      assertEquals(error.constructor, TypeError, `${Deno.inspect(wrong)}: ${error}`);
    }
    for (const wrong of [0, ...NO_OFFSETS]) {
      const error = thrownBy(() => region.resize(wrong)) as Error;
      assertEquals(error.constructor, RangeError, `${wrong}: ${error}`);
    }
    assertEquals(region.bytes === before, true); // not even the views were detached
  }));

Deno.test("MmapRegion.resize() throws RangeError beyond 2^53", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 2 * PAGE);
    using region = MmapRegion.open(path, { access: "read-write", byteOffset: 10 });
    const error = thrownBy(() => region.resize(Number.MAX_SAFE_INTEGER)) as Error;
    assertEquals(error.constructor, RangeError, String(error));
    assertEquals(region.byteLength, 2 * PAGE - 10);
  }));

Deno.test("MmapRegion.advise(), protect() and flush() throw TypeError for unknown words", async () => {
  using region = MmapRegion.anonymous(PAGE);
  for (
    const word of [undefined, null, 0, "", "Normal", "MADV_NORMAL", "constructor", {}, Symbol("x")]
  ) {
    const calls = [
      () => region.advise(word as "normal"),
      () => region.protect(word as "read"),
      ...(word === undefined ? [] : [
        () => region.flushSync({ durability: word as "disk" }),
        () => region.flush({ durability: word as "disk" }),
      ]),
    ];
    for (const call of calls) {
      const error = await failureOf(call);
      assertEquals([error.constructor, isSystemError(error)], [TypeError, false], String(error));
      assertEquals(error.message.startsWith("Cannot "), true, String(error));
    }
  }
});
