/** `indexOf`, `lastIndexOf`, `count`, `equals`, `compare`, `split` and `readable`. */

import { MmapRegion } from "@mmap/mmap";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { withTempDir } from "../_files.ts";
import { countOf, randomBytes, regionOf, seeded, textRegion as regionOfText } from "./_text.ts";

const TEXT = "hello\nworld\r\n\nä∑x hello\n";
const BYTES = new TextEncoder().encode(TEXT);

function textRegion(): MmapRegion {
  return regionOfText(TEXT);
}

/** What a string says: each code unit stands for one byte. */
function expected(hay: number[], needle: number[], from: number, last: boolean): number {
  const text = String.fromCharCode(...hay);
  const start = from < 0 ? Math.max(0, hay.length + from) : from;
  if (!last) return text.indexOf(String.fromCharCode(...needle), start);
  return from < -hay.length ? -1 : text.lastIndexOf(String.fromCharCode(...needle), start);
}

Deno.test("indexOf() and lastIndexOf() find what strings find, for every start", () => {
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 16) % below;
  };
  using region = MmapRegion.anonymous(20, { sharing: "private" });
  for (let round = 0; round < 300; round++) {
    const hay = Array.from({ length: 20 }, () => random(3));
    const needle = hay.slice(random(17)).slice(0, random(5)).concat(round % 3 === 0 ? [1] : []);
    region.bytes.set(hay);
    for (let from = -25; from < 25; from++) {
      const bytes = Uint8Array.from(needle);
      const about = JSON.stringify([hay, needle, from]);
      assertEquals(region.indexOf(bytes, from), expected(hay, needle, from, false), about);
      assertEquals(region.lastIndexOf(bytes, from), expected(hay, needle, from, true), about);
    }
  }
});

Deno.test("indexOf() takes bytes as numbers and text as UTF-8", () => {
  using region = textRegion();
  assertEquals(region.indexOf(10), 5);
  assertEquals(region.lastIndexOf(10), BYTES.length - 1);
  assertEquals(region.indexOf("∑"), 16);
  assertEquals(region.indexOf("absent"), -1);
  assertEquals(region.lastIndexOf("absent"), -1);
});

Deno.test("indexOf() counts from the region's beginning if byteOffset is inside a page", async () => {
  await withTempDir(async (directory) => {
    await Deno.writeFile(`${directory}/text`, BYTES);
    using region = MmapRegion.open(`${directory}/text`, { byteOffset: 3 });
    assertEquals(region.indexOf("world"), 3);
    assertEquals(region.lastIndexOf("hello"), BYTES.length - 6 - 3);
    assertEquals([...region.lines()][0], "lo");
  });
});

Deno.test("indexOf() refuses numbers that are no bytes and other types", () => {
  using region = textRegion();
  for (const needle of [-1, 256, 1.5, NaN]) {
    assertThrows(() => region.indexOf(needle), RangeError);
    assertThrows(() => region.lastIndexOf(needle), RangeError);
  }
  for (const from of [0.5, NaN, Infinity, -Infinity]) {
    assertThrows(() => region.indexOf("x", from), RangeError);
  }
  // deno-lint-ignore no-explicit-any
  assertThrows(() => region.indexOf({} as any), TypeError);
  // deno-lint-ignore no-explicit-any
  assertThrows(() => region.indexOf("x", "1" as any), TypeError);
});

Deno.test("equals() compares a part, and is false beyond the end", () => {
  using region = textRegion();
  assertEquals(region.equals(BYTES), true);
  assertEquals(region.equals(BYTES.subarray(3), 3), true);
  assertEquals(region.equals(BYTES, 1), false);
  assertEquals(region.equals(new Uint8Array(0), BYTES.length), true);
  assertEquals(region.equals(BYTES.slice().fill(0, 7, 8)), false);
  assertThrows(() => region.equals(BYTES, -1), RangeError);
});

Deno.test("count() counts matches one behind the other", () => {
  const random = seeded(4);
  for (let round = 0; round < 500; round++) {
    const content = randomBytes(random, 1 + random(60), [97, 98]);
    const needle = randomBytes(random, 1 + random(4), [97, 98]);
    using region = regionOf(content);
    assertEquals(region.count(needle), countOf(content, needle), `${content} ${needle}`);
  }
  using region = regionOfText("aaaaa");
  assertEquals([region.count("aa"), region.count("a"), region.count(97)], [2, 5, 5]);
  assertEquals(region.count("aa", { byteOffset: 1 }), 2);
  assertEquals(region.count("aa", { byteOffset: 2, byteLength: 1 }), 0);
  assertEquals([region.count(""), region.count("", { byteLength: 2 })], [6, 3]);
  assertThrows(() => region.count("a", { byteOffset: 6 }), RangeError);
  assertThrows(() => region.count(256), RangeError);
});

Deno.test("count() counts bytes that are frequent, rare, and both", () => {
  const content = randomBytes(seeded(9), 300_000, [97, 98]);
  content.fill(99, 100_000, 200_000);
  content[150_000] = 97;
  using region = regionOf(content);
  for (const byte of [97, 98, 99, 100]) {
    assertEquals(region.count(byte), content.reduce((sum, b) => sum + (b === byte ? 1 : 0), 0));
  }
});

Deno.test("indexOf() takes a lone surrogate as U+FFFD, as TextEncoder does", () => {
  using region = regionOfText("a\ufffdb");
  assertEquals(region.indexOf("\ud800"), 1);
  assertEquals(region.indexOf("\udc00b"), 1);
  assertEquals(region.count("\ud800\ud800"), 0);
  assertEquals(region.indexOf("é".repeat(3000) + "\ud800"), -1);
});

Deno.test("indexOf() finds needles of every length, in text and in bytes", () => {
  const text = Array.from({ length: 3000 }, (_, i) => `${i} é∑🎈`).join(" ");
  using region = regionOfText(text);
  for (const length of [1, 2, 63, 64, 65, 66, 1365, 1366, 4096, 4097, 20_000]) {
    const needle = text.slice(1000, 1000 + length);
    const at = new TextEncoder().encode(text.slice(0, text.indexOf(needle))).length;
    assertEquals(region.indexOf(needle), at, `${length} characters`);
    assertEquals(region.indexOf(new TextEncoder().encode(needle)), at, `${length} characters`);
  }
  assertEquals(region.indexOf("é"), 2); // a short one again, after long ones
});

Deno.test("indexOf() takes the bytes of a view of the region itself", () => {
  using region = textRegion();
  assertEquals(region.indexOf(region.bytes.subarray(6, 11)), 6);
  assertEquals(region.lastIndexOf(region.bytes), 0);
});

Deno.test("compare() orders bytes as memcmp does, and what is shorter comes first", () => {
  using region = regionOf(Uint8Array.of(1, 2, 200, 4));
  const compare = (bytes: number[], at?: number): number =>
    region.compare(Uint8Array.from(bytes), at);
  assertEquals([compare([1, 2]), compare([1, 2, 200, 4]), compare([])], [0, 0, 0]);
  assertEquals([compare([1, 3]), compare([1, 1]), compare([1, 2, 3])], [-1, 1, 1]);
  assertEquals([compare([200, 4], 2), compare([200, 4, 0], 2), compare([], 9)], [0, -1, 0]);
  assertEquals([compare([1], 4), compare([1], 9), compare([0], 3)], [-1, -1, 1]);
  assertThrows(() => compare([1], -1), RangeError);
  // deno-lint-ignore no-explicit-any
  assertThrows(() => region.compare("x" as any), TypeError);
});

Deno.test("compare() and equals() take long arrays and short ones", () => {
  const content = randomBytes(seeded(6), 20_000, [1, 2, 3]);
  using region = regionOf(content);
  for (const length of [1, 2047, 2048, 2049, 20_000]) {
    const other = content.slice(0, length);
    assertEquals([region.equals(other), region.compare(other)], [true, 0]);
    other[length - 1] = 9;
    assertEquals([region.equals(other), region.compare(other)], [false, -1]);
  }
});

Deno.test("split() gives parts without gaps that end behind a boundary", () => {
  const random = seeded(8);
  for (let round = 0; round < 500; round++) {
    const content = randomBytes(random, 1 + random(40), [97, 98, 10]);
    const boundary = ["\n", "ab", "", "\n\n"][random(4)]!;
    const parts = 1 + random(8);
    using region = regionOf(content);
    const text = new TextDecoder().decode(content);
    const ranges = region.split(parts, boundary);
    const about = JSON.stringify([text, boundary, parts, ranges]);
    const texts = ranges.map(({ byteOffset, byteLength }) =>
      text.slice(byteOffset, byteOffset + byteLength)
    );
    assertEquals(texts.join(""), text, about);
    assertEquals(texts.slice(0, -1).every((part) => part.endsWith(boundary)), true, about);
    assertEquals(texts.every((part) => part.length > 0) && texts.length <= parts, true, about);
    const count = Math.min(parts, content.length);
    if (boundary === "") {
      assertEquals(texts.length <= count && texts.length * 2 > count, true, about);
    }
  }
});

Deno.test("split() cuts at the boundaries next to equal parts", () => {
  using region = regionOfText("one\ntwo\nsix\nten\n");
  const four = [0, 4, 8, 12].map((byteOffset) => ({ byteOffset, byteLength: 4 }));
  assertEquals(region.split(4), four);
  assertEquals(region.split(400), four);
  assertEquals(region.split(1), [{ byteOffset: 0, byteLength: 16 }]);
  assertEquals(region.split(2, "absent"), [{ byteOffset: 0, byteLength: 16 }]);
  for (const parts of [0, -1, 1.5, NaN]) assertThrows(() => region.split(parts), RangeError);
  // deno-lint-ignore no-explicit-any
  assertThrows(() => region.split("2" as any), TypeError);
});

Deno.test("readable() streams copies in chunks", async () => {
  using region = textRegion();
  const chunks: number[] = [];
  const parts: Uint8Array[] = [];
  for await (const chunk of region.readable({ chunkByteLength: 7 })) {
    chunks.push(chunk.length);
    parts.push(chunk);
  }
  assertEquals(chunks, [7, 7, 7, BYTES.length - 21]);
  assertEquals(await new Blob(parts as BlobPart[]).text(), TEXT);
  parts[0]!.fill(0);
  assertEquals(region.equals(BYTES), true);
});

Deno.test("readable() fails with BadResource if the region is closed in the middle", async () => {
  const region = textRegion();
  const reader = region.readable({ chunkByteLength: 7 }).getReader();
  await reader.read();
  region.close();
  await assertRejects(() => reader.read(), Deno.errors.BadResource);
});
