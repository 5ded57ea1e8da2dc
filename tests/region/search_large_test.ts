/** Searches that are long enough for every way there is to search, compared with `Buffer`'s. */

import { Buffer } from "node:buffer";
import { MmapRegion } from "@mmap/mmap";
import { assert, assertEquals } from "@std/assert";
import { system } from "../../src/os/mod.ts";
import type { ByteSystem } from "../../src/os/system.ts";
import { withSystem } from "../_fake_system.ts";
import { countOf, type Random, randomBytes, regionOf, seeded } from "./_text.ts";

const LENGTH = 800_000;

/** Lines of a log, by chance. */
function logLines(random: Random, length: number): Uint8Array {
  const words = ["request", "GET", "ok", "user", "timeout", "é∑", "retry", "12:30", "worker-7"];
  const bytes = new Uint8Array(length);
  const line = (): string => Array.from({ length: 8 }, () => words[random(9)]).join(" ") + "\n";
  for (let at = 0; at < length;) {
    const { written } = new TextEncoder().encodeInto(line(), bytes.subarray(at));
    at += written || length;
  }
  return bytes;
}

const CONTENTS: Record<string, (random: Random) => Uint8Array> = {
  "two bytes": (random) => randomBytes(random, LENGTH, [97, 98]),
  "one byte, seldom another": (random) =>
    randomBytes(random, LENGTH, [...Array<number>(200).fill(97), 98]),
  "lines of a log": (random) => logLines(random, LENGTH),
  "all bytes": (random) => randomBytes(random, LENGTH, Array.from({ length: 256 }, (_, i) => i)),
  "zeros": () => new Uint8Array(LENGTH),
};

/** Needles of many lengths: from anywhere, and changed in one byte so that few or none are there. */
function* needlesOf(content: Uint8Array, random: Random): Generator<Uint8Array> {
  for (
    const length of [1, 2, 3, 4, 5, 6, 7, 8, 11, 31, 32, 33, 67, 300, 5000, 70_000]
  ) {
    const at = random(3) === 0 ? content.length - length : random(content.length - length);
    const needle = content.slice(at, at + length);
    yield needle;
    const changed = needle.slice();
    changed[random(length)] = random(2) === 0 ? 99 : content[random(content.length)]!;
    yield changed;
  }
}

/** Runs a test as this machine searches, and as one does that cannot search for pairs. */
function withAndWithoutPairs(name: string, body: () => void | Promise<void>): void {
  Deno.test(name, body);
  Deno.test(`${name} (without pairs)`, () =>
    withSystem({ bytes: { pairFinder: undefined } }, body));
}

for (const [name, make] of Object.entries(CONTENTS)) {
  withAndWithoutPairs(
    `indexOf(), lastIndexOf() and count() find what Buffer finds: ${name}`,
    () => {
      const random = seeded(7);
      const content = make(random);
      using region = regionOf(content);
      const buffer = Buffer.from(content.buffer);
      for (const needle of needlesOf(content, random)) {
        const about = `${needle.length} bytes: ${needle.subarray(0, 100)}`;
        const from = random(70_000);
        assertEquals(region.indexOf(needle, from), buffer.indexOf(needle, from), about);
        const last = buffer.lastIndexOf(needle, content.length - from);
        assertEquals(region.lastIndexOf(needle, content.length - from), last, about);
        // Short needles stand in some contents so often that counting all of them takes long.
        const counted = needle.length < 16 && name !== "lines of a log" ? 70_000 : LENGTH;
        const part = content.subarray(LENGTH - counted);
        const count = region.count(needle, { byteOffset: LENGTH - counted });
        assertEquals(count, countOf(part, needle), about);
      }
    },
  );
}

Deno.test("indexOf() finds a needle at each place of a large region's alignment", async () => {
  const random = seeded(3);
  const content = logLines(random, LENGTH);
  using region = regionOf(content);
  for (const length of [4, 5, 6, 7, 8, 9, 20]) {
    // Its bytes are frequent, and pairs of them are not there.
    const needle = new TextEncoder().encode("tsuoemitreqesuser tuk").subarray(0, length);
    const { pairs } = await searchesOf(() => assertEquals(region.indexOf(needle), -1));
    assertEquals(pairs > 0, system().bytes.pairFinder?.() !== undefined);
    for (const place of [700_001, 700_002, 700_003, 700_004, LENGTH - length]) {
      region.bytes.set(needle, place);
      assertEquals(region.indexOf(needle), place, `${length} bytes at ${place}`);
      assertEquals(region.lastIndexOf(needle), place, `${length} bytes at ${place}`);
      region.bytes.set(content.subarray(place, place + length), place);
    }
  }
});

/** How often `body` asks the system to find something, and a pair of bytes. */
async function searchesOf(body: () => void): Promise<{ all: number; pairs: number }> {
  let [others, pairs] = [0, 0];
  const { find, findByte, pairFinder } = system().bytes;
  const findPair = pairFinder?.();
  const bytes: Partial<ByteSystem> = {
    find: (...args) => (others++, find(...args)),
    findByte: (...args) => (others++, findByte(...args)),
    pairFinder: () => findPair && ((...args) => (pairs++, findPair(...args))),
  };
  await withSystem({ bytes }, body);
  return { all: others + pairs, pairs };
}

withAndWithoutPairs(
  "indexOf() gives up ways of searching that find too many candidates",
  async () => {
    using region = MmapRegion.anonymous(1 << 24, { sharing: "private" });
    region.bytes.fill(97); // "a": what is rare at first is everywhere later on
    region.bytes.fill(98, 1 << 20);
    for (const needle of ["bc", "b".repeat(50_000) + "c"]) {
      const { all } = await searchesOf(() => assertEquals(region.indexOf(needle), -1));
      assert(all < 1000, `${all} searches`);
    }
  },
);

withAndWithoutPairs("indexOf() misses no match behind the place where it gives up", () => {
  using region = MmapRegion.anonymous(200_000, { sharing: "private" });
  const start = 100_000;
  for (let length = 10; length < 500; length++) {
    region.bytes.fill(98, start, start + length); // "b": a candidate at each place
    region.bytes[start + length] = 99;
    assertEquals(region.indexOf("bbbc"), start + length - 3);
  }
});

withAndWithoutPairs("indexOf() needs few calls where the needle has a rare byte", async () => {
  const content = logLines(seeded(5), LENGTH);
  using region = regionOf(content);
  const { all } = await searchesOf(() => assertEquals(region.indexOf("request user! timeout"), -1));
  assert(all > 0 && all < 10, `${all} searches`);
});

Deno.test("lastIndexOf() of a byte works where the system cannot search backwards", () => {
  const content = randomBytes(seeded(2), 200_000, [97, 98, 99]);
  using region = regionOf(content);
  return withSystem({ bytes: { findLastByte: undefined } }, () => {
    for (const byte of [97, 98, 99, 100]) {
      assertEquals(region.lastIndexOf(byte), content.lastIndexOf(byte));
      assertEquals(region.lastIndexOf(byte, 777), content.lastIndexOf(byte, 777));
    }
  });
});

Deno.test("indexOf(), lastIndexOf(), count(), lines() and split() know no limit of 4 GiB", () => {
  const GiB = 2 ** 30;
  // Zero pages take no memory until they are written to.
  using region = MmapRegion.anonymous(6 * GiB, { sharing: "private", reserve: false });
  const needle = "line of the log";
  const place = 5 * GiB + 12345;
  region.bytes.set(new TextEncoder().encode(`\n${needle}\r\nend\n`), place - 1);
  assertEquals(region.indexOf(needle, 4 * GiB - 5_000_000), place);
  assertEquals(region.indexOf("l", place - 1000), place);
  assertEquals(region.indexOf(needle, -GiB), place);
  assertEquals(region.lastIndexOf(needle, place + 5_000_000), place);
  assertEquals(region.count(needle, { byteOffset: place - 1_000_000, byteLength: 2_000_000 }), 1);
  assertEquals(region.equals(new TextEncoder().encode(needle), place), true);
  assertEquals([...region.lines({ byteOffset: place, byteLength: 21 })], [needle, "end"]);
  const [bytes] = [...region.lines({ byteOffset: place, byteLength: 17, as: "bytes" })];
  assertEquals(bytes!.byteOffset - region.bytes.byteOffset, place);
  assertEquals(region.split(6, "")[5], { byteOffset: 5 * GiB, byteLength: GiB });
});
