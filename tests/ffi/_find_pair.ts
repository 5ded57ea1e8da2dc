/** The search for two bytes by machine code: at the edge of memory, giving up, and in cut files. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { guardTable } from "../../ffi/guard/guard.ts";
import { SEARCH_OFFSET, TABLE_OFFSET } from "../../ffi/guard/layout.ts";
import { pairFinder } from "../../ffi/search/find.ts";
import { act, scope, startWorker } from "../_act.ts";
import { addressOf, truncate } from "../_fault_child.ts";
import { makeFile } from "../_files.ts";
import { allow, at, bytesAt, makePages, PAGE } from "../_pages.ts";
import { type Random, randomBytes, seeded } from "../region/_text.ts";

/** Bytes between two pages that end the process when they are touched. */
function fencedBytes(byteLength: number): Uint8Array<ArrayBuffer> {
  const all = makePages(byteLength + 2 * PAGE);
  allow(all, PAGE, "---");
  allow(at(all, PAGE + byteLength), PAGE, "---");
  return bytesAt(at(all, PAGE), byteLength);
}

/** A part of some bytes, as addresses. */
interface Part {
  readonly at: bigint;
  readonly end: bigint;
}

/** The places in [from, to) where a needle may begin. */
function partOf(bytes: Uint8Array<ArrayBuffer>, from: number, to: number): Part {
  const address = addressOf(bytes);
  return { at: address + BigInt(from), end: address + BigInt(to) };
}

function findOnce(
  { at, end }: Part,
  needle: Uint8Array<ArrayBuffer>,
  one: number,
  other: number,
): bigint {
  const size = BigInt(needle.length);
  return pairFinder()!(at, end, addressOf(needle), size, BigInt(one), BigInt(other));
}

/** Continues each time it gives up. @returns the distance from `at`; -1 if there is none */
function find(part: Part, needle: Uint8Array<ArrayBuffer>, one: number, other: number): number {
  for (let { at } = part;;) {
    const found = findOnce({ at, end: part.end }, needle, one, other);
    if (found >= 0n) return found === 0n ? -1 : Number(found - part.at);
    assert(-found > at && -found <= part.end, "it gave up where it was not");
    at = -found;
  }
}

function findNaively(bytes: Uint8Array, from: number, to: number, needle: Uint8Array): number {
  for (let at = from; at < to; at++) {
    if (needle.every((byte, i) => bytes[at + i] === byte)) return at - from;
  }
  return -1;
}

const LENGTH = 2 * PAGE;

const FILLS: Record<string, (random: Random) => Uint8Array> = {
  "one byte": () => new Uint8Array(LENGTH).fill(97),
  "two bytes": (random) => randomBytes(random, LENGTH, [97, 98]),
  "a period": () => Uint8Array.from({ length: LENGTH }, (_, i) => 97 + i % 3),
  "rare bytes": (random) => randomBytes(random, LENGTH, [...Array<number>(99).fill(0), 255]),
  "all bytes": (random) => randomBytes(random, LENGTH, Array.from({ length: 256 }, (_, i) => i)),
};

/** Numbers of places around the sizes of a vector and of a step. */
const PLACES = [0, 1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129, 191, 255, 256, 257, 640, 1999];

await act({
  findAtTheEdges(): void {
    const random = seeded(11);
    const bytes = fencedBytes(LENGTH);
    let [there, absent] = [0, 0];
    for (const [name, fill] of Object.entries(FILLS)) {
      bytes.set(fill(random));
      for (const size of [1, 2, 3, 8, 31, 32, 33, 64, 100, 1000]) {
        // It ends at a page, too.
        const needle = fencedBytes(PAGE).subarray(PAGE - size);
        for (const places of PLACES) {
          for (const from of [0, random(7), LENGTH - (places + size - 1)]) {
            const to = from + places;
            const place = [from, to, to - 1, from + random(places + 1)][random(4)]!;
            needle.set(bytes.subarray(place, place + size));
            if (random(3) === 0) needle[random(size)] = 98;
            const pair = [random(size), random(3) === 0 ? size - 1 : random(size)] as const;
            const expected = findNaively(bytes, from, to, needle);
            const about = `${name}: ${size} bytes at ${place} in [${from}, ${to}) by ${pair}`;
            assertEquals(find(partOf(bytes, from, to), needle, ...pair), expected, about);
            if (expected === -1) absent++;
            else there++;
          }
        }
      }
    }
    assert(there > 300 && absent > 300, `${there} there, ${absent} absent`);
  },

  giveUp(): void {
    const length = 1 << 20;
    const bytes = new Uint8Array(length).fill(97);
    const long = new Uint8Array(50_000).fill(97).with(49_999, 98);
    const text = new TextEncoder();
    for (const needle of [text.encode("aab"), text.encode("baa"), long]) {
      // All places but one byte are the same: by that one it finds no candidates.
      const rare = needle.indexOf(98);
      const part = partOf(bytes, 0, length - needle.length + 1);
      assertEquals(findOnce(part, needle, rare, 1), 0n);
      // By two of the others it must not compare more than a few times for nothing.
      const found = findOnce(part, needle, 1, needle[2] === 98 ? 0 : 2);
      assert(found < 0n && -found - part.at < 200n, `${-found - part.at} places`);
    }
    // Few candidates are no reason, however many they are in all.
    for (let i = 0; i < length; i += 100) bytes[i] = 98;
    assertEquals(findOnce(partOf(bytes, 0, length - 2), text.encode("bac"), 0, 1), 0n);
  },

  findInCutFile(dir: string): void {
    const path = makeFile(dir, new Uint8Array(64 * PAGE).fill(97));
    using region = MmapRegion.open(path);
    truncate(path, 5 * PAGE + 100);
    const part = partOf(region.bytes, 0, 64 * PAGE - 3);
    assertEquals(find(part, new Uint8Array([97, 97, 98]), 0, 2), -1);
    assert(region.faults > 0);
    assertThrows(() => region.check(), MappingFaultError);
    // The zeros that are there now are what it finds.
    assertEquals(find(part, new Uint8Array([97, 0, 0]), 0, 1), 5 * PAGE + 99);
  },

  /** In a process whose block another version of the module has made. */
  meetOtherCode(): void {
    const block = guardTable()!.address - TABLE_OFFSET;
    const page = Deno.UnsafePointer.create(BigInt(block + SEARCH_OFFSET))!;
    allow(page, PAGE, "rw-");
    bytesAt(page, PAGE)[500]! ^= 1;
    allow(page, PAGE, "r-x");
    assertEquals(pairFinder(), undefined);
    findInAll();
  },

  async findInWorkers(): Promise<void> {
    const workers = [0, 1, 2].map((i) => startWorker(import.meta.url, "findAlone", i));
    for (let i = 0; i < 200; i++) findInAll(i);
    for (const { next, worker } of workers) {
      assertEquals(await next(), true);
      worker.terminate();
    }
  },

  findAlone(seed: number): void {
    for (let i = 0; i < 200; i++) findInAll(seed + i);
    scope.postMessage(pairFinder() !== undefined);
  },
});

/** Searches a region that is long enough for a sample and what follows it. */
function findInAll(seed = 1): void {
  using region = MmapRegion.anonymous(50 * PAGE, { sharing: "private" });
  const place = 40 * PAGE + seed;
  region.bytes.set(new TextEncoder().encode(`needle ${seed}`), place);
  assertEquals(region.indexOf(`needle ${seed}`), place);
  assertEquals(region.indexOf(`needle ${seed}`, place + 1), -1);
}
