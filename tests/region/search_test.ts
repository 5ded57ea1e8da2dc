/** `indexOf`, `lastIndexOf`, `equals`, `lines` and `readable`, compared with strings and arrays. */

import { MmapRegion } from "@mmap/mmap";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { withTempDir } from "../_files.ts";

const TEXT = "hello\nworld\r\n\nä∑x hello\n";
const BYTES = new TextEncoder().encode(TEXT);

function textRegion(): MmapRegion {
  const region = MmapRegion.anonymous(BYTES.length, { sharing: "private" });
  region.bytes.set(BYTES);
  return region;
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

Deno.test("lines() splits at both newlines, without an empty last line", () => {
  using region = textRegion();
  assertEquals([...region.lines()], ["hello", "world", "", "ä∑x hello"]);
  assertEquals([...region.lines({ byteOffset: 6, byteLength: 3 })], ["wor"]);
});

Deno.test("lines() ends with BadResource if the region is closed in the middle", () => {
  const region = textRegion();
  const lines = region.lines()[Symbol.iterator]();
  assertEquals(lines.next().value, "hello");
  region.close();
  assertThrows(() => lines.next(), Deno.errors.BadResource);
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
