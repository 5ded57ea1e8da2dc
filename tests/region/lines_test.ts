/** `lines` in every form, compared with the decoded text that is split as a whole. */

import { MmapRegion } from "@mmap/mmap";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type Random, randomBytes, regionOf, seeded, textRegion } from "./_text.ts";

const decode = (bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

/** What `lines` has to give. */
function linesOf(content: Uint8Array): string[] {
  const lines = decode(content).split("\n");
  const last = lines.pop()!;
  const ended = lines.map((line) => line.replace(/\r$/, ""));
  return last === "" ? ended : [...ended, last];
}

/** Pieces of which some are no UTF-8, and characters of every length. */
const PIECES = ["a", "é", "∑", "🎈", "\ufeff", "\r", "\r\n", "\n", "\n\n"].map((text) =>
  new TextEncoder().encode(text)
).concat(
  [[0xc3], [0xe2, 0x88], [0xf0, 0x9f, 0x8e], [0xff], [0x80], [0]].map((b) => Uint8Array.from(b)),
);

function randomText(random: Random, length: number, rareNewlines: boolean): Uint8Array {
  const bytes: number[] = [];
  while (bytes.length < length) {
    const piece = PIECES[random(PIECES.length)]!;
    if (!rareNewlines || !piece.includes(10) || random(3000) === 0) bytes.push(...piece);
  }
  return Uint8Array.from(bytes.slice(0, length));
}

function checkEveryForm(region: MmapRegion, content: Uint8Array, range = {}): void {
  const expected = linesOf(content);
  const same = (found: string[], form: string): void =>
    assertEquals(found.join("\0\n"), expected.join("\0\n"), form);
  same([...region.lines(range)], "text");
  same([...region.lines({ ...range, reverse: true })].reverse(), "text, reverse");
  const bytes = [...region.lines({ ...range, as: "bytes" })];
  same(bytes.map(decode), "bytes");
  const backwards = [...region.lines({ ...range, as: "bytes", reverse: true })];
  same(backwards.map(decode).reverse(), "bytes, reverse");
  assertEquals(bytes.every(({ buffer }) => buffer === region.buffer), true);
}

Deno.test("lines() gives what the whole text gives, for short contents", () => {
  const random = seeded(11);
  for (let round = 0; round < 400; round++) {
    const content = randomBytes(random, 1 + random(9), [10, 13, 97]);
    using region = regionOf(content);
    checkEveryForm(region, content);
  }
});

Deno.test("lines() gives what the whole text gives, cut between any bytes of a character", () => {
  const random = seeded(12);
  for (let round = 0; round < 30; round++) {
    const content = randomText(random, 40_000 + random(40_000), round % 3 === 0);
    using region = regionOf(content);
    checkEveryForm(region, content);
    const byteOffset = random(content.length - 1);
    const byteLength = 1 + random(content.length - byteOffset);
    const part = content.subarray(byteOffset, byteOffset + byteLength);
    checkEveryForm(region, part, { byteOffset, byteLength });
  }
});

Deno.test("lines() gives lines of any length around that of a block", () => {
  for (const length of [16_382, 16_383, 16_384, 16_385, 32_768, 100_000]) {
    for (const end of ["", "\n", "\r\n"]) {
      const line = "é" + "x".repeat(length - 2);
      for (
        const text of [line + end, `${line}\n${line}${end}`, `\n${line}\nshort\n${line}${end}`]
      ) {
        const content = new TextEncoder().encode(text);
        using region = regionOf(content);
        checkEveryForm(region, content);
      }
    }
  }
});

Deno.test("lines() keeps a byte order mark and replaces what is no UTF-8, as TextDecoder does", () => {
  using region = regionOf(Uint8Array.of(0xef, 0xbb, 0xbf, 97, 10, 0xff, 98, 0xe2, 0x88, 10));
  assertEquals([...region.lines()], ["\ufeffa", "\ufffdb\ufffd"]);
  const [first] = region.lines({ as: "bytes" });
  assertEquals(first, Uint8Array.of(0xef, 0xbb, 0xbf, 97));
});

Deno.test("lines() gives bytes that are views of the region", () => {
  using region = textRegion("one\ntwo\n");
  const [, second] = region.lines({ as: "bytes" });
  region.bytes[4] = 84;
  assertEquals(new TextDecoder().decode(second), "Two");
});

Deno.test("lines() gives an iterator that can be filtered and left", () => {
  using region = textRegion("one\ntwo\nthree\n");
  assertEquals(region.lines().filter((line) => line.startsWith("t")).take(1).toArray(), ["two"]);
  const lines = region.lines();
  assertStrictEquals(lines[Symbol.iterator](), lines);
  assertEquals([lines.next().value, lines.next().value], ["one", "two"]);
});

for (const as of ["text", "bytes"] as const) {
  for (const reverse of [false, true]) {
    const form = `${as}${reverse ? ", reverse" : ""}`;

    Deno.test(`lines() throws BadResource once the region is closed in the middle: ${form}`, () => {
      const region = textRegion("one\ntwo\nthree\n");
      const lines = region.lines({ as, reverse });
      lines.next();
      region.close();
      for (let i = 0; i < 2; i++) {
        assertThrows(() => lines.next(), Deno.errors.BadResource, "Cannot read lines");
      }
    });

    Deno.test(`lines() gives nothing beyond the end of a region that shrank meanwhile: ${form}`, () => {
      using region = MmapRegion.anonymous(14, { resizable: true });
      region.bytes.set(new TextEncoder().encode("one\ntwo\nthree\n"));
      const lines = region.lines({ as, reverse });
      lines.next();
      region.resize(6); // "one\ntw"
      const left = [...lines].map((line) => typeof line === "string" ? line : decode(line));
      assertEquals(left, reverse ? ["tw", "one"] : ["tw"]);
    });
  }
}

Deno.test("lines() refuses options of other types and ranges outside of the region", () => {
  using region = textRegion("one\n");
  // deno-lint-ignore no-explicit-any
  for (const options of [{ as: "string" }, { as: 1 }, { reverse: 1 }, 5, null] as any[]) {
    assertThrows(() => region.lines(options), TypeError, "Cannot read lines");
  }
  for (const range of [{ byteOffset: 5 }, { byteOffset: -1 }, { byteLength: 0 }]) {
    assertThrows(() => region.lines(range), RangeError, "Cannot read lines");
  }
});

Deno.test("lines(), count() and split() notice a region that their own options close", () => {
  const closing = (region: MmapRegion) => ({
    get byteOffset(): number {
      region.close();
      return 0;
    },
  });
  const calls: ((region: MmapRegion) => unknown)[] = [
    (region) => region.lines(closing(region)),
    (region) =>
      region.lines({
        ...{},
        get reverse() {
          return region.close(), true;
        },
      }),
    (region) => region.count("x", closing(region)),
    (region) => region.readable(closing(region)),
  ];
  for (const call of calls) {
    const region = textRegion("x\n");
    assertThrows(() => call(region), Deno.errors.BadResource);
  }
});
