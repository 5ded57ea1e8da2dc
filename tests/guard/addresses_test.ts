/** Addresses are given once; those of a table of the test's own, in which nothing is mapped. */

import { assert, assertEquals } from "@std/assert";
import { Addresses, type Keepers, type Room } from "../../ffi/guard/addresses.ts";
import {
  FIRST_ADDRESS_WORD,
  GIVEN_END_WORD,
  KEEPERS_WORD,
  LAST_ADDRESS_WORD,
  NEXT_ADDRESS_WORD,
} from "../../ffi/guard/layout.ts";
import { KEEPERS } from "../../ffi/guard/windows.ts";
import { MmapRegion } from "@mmap/mmap";
import { munmap } from "@mmap/mmap/libc";
import { ignore } from "../_faults.ts";
import { PAGE } from "../_pages.ts";

const MIB = 2 ** 20;
/** Far from where this process maps. */
const FIRST = 0x5480_0000_0000;

/** How they are made on Windows; elsewhere there is one way. */
const keepersHere: Keepers | undefined = Deno.build.os === "windows" ? KEEPERS : undefined;
const KEEPER = keepersHere?.byteLength() ?? PAGE;

function dropKeeper(keeper: bigint): void {
  if (keepersHere === undefined) munmap(Deno.UnsafePointer.create(keeper), PAGE);
  else keepersHere.unmap(keeper);
}

/** An isolate's share of a table. */
const addressesOf = (words: BigUint64Array): Addresses => new Addresses(words, keepersHere);

/** Runs `body` with a range of addresses, and takes away what it leaves. */
function withAddresses(byteLength: number, body: (words: BigUint64Array) => void): void {
  const words = new BigUint64Array(new SharedArrayBuffer(16 * PAGE));
  words[FIRST_ADDRESS_WORD] = BigInt(FIRST);
  words[NEXT_ADDRESS_WORD] = BigInt(FIRST);
  words[LAST_ADDRESS_WORD] = BigInt(FIRST + byteLength);
  try {
    body(words);
  } finally {
    for (const keeper of words.subarray(KEEPERS_WORD, KEEPERS_WORD + 64)) {
      if (keeper !== 0n) dropKeeper(keeper);
    }
  }
}

function assertApart(rooms: Room[]): void {
  rooms.sort((a, b) => a.start - b.start);
  for (let i = 1; i < rooms.length; i++) assert(rooms[i]!.start >= rooms[i - 1]!.end);
}

/** Whole pages, mostly few; every number of them comes at some time. */
function* sizes(count: number): Iterable<number> {
  for (let i = 0; i < count; i++) yield PAGE * (1 + (i * i * 7919) % (i % 50 === 0 ? 20_000 : 40));
}

Deno.test(
  "Addresses.take() gives no address twice, to two isolates neither",
  { ignore },
  () =>
    withAddresses(2 ** 40, (words) => {
      const isolates = [addressesOf(words), addressesOf(words), addressesOf(words)];
      const rooms: Room[] = [];
      let turn = 0;
      for (const byteLength of sizes(3000)) {
        const room = isolates[turn++ % isolates.length]!.take(byteLength, PAGE, 0)!;
        assertEquals([room.start % PAGE, room.end - room.start], [0, byteLength]);
        rooms.push(room);
      }
      assertApart(rooms);
      const given = Number(words[GIVEN_END_WORD]);
      assert(rooms.every(({ start, end }) => start >= FIRST && end <= given));
    }),
);

Deno.test(
  "Addresses.take() begins where the alignment and the remainder say",
  { ignore },
  () =>
    withAddresses(2 ** 40, (words) => {
      const addresses = addressesOf(words);
      const rooms: Room[] = [];
      for (const remainder of [0, PAGE, MIB, 2 * MIB - PAGE]) {
        for (const byteLength of [2 * MIB, 5 * MIB + PAGE, 300 * MIB]) {
          const room = addresses.take(byteLength, 2 * MIB, remainder)!;
          assertEquals(room.start % (2 * MIB), remainder);
          rooms.push(room, addresses.take(PAGE, PAGE, 0)!);
        }
      }
      assertApart(rooms);
    }),
);

Deno.test(
  "Addresses.take() leaves the end of a chunk to its keeper",
  { ignore },
  () =>
    withAddresses(2 ** 40, (words) => {
      const addresses = addressesOf(words);
      for (const byteLength of sizes(500)) {
        if (byteLength >= 2 * MIB) continue;
        const { start, end } = addresses.take(byteLength, PAGE, 0)!;
        const chunk = start - start % (2 * MIB);
        assert(end <= chunk + 2 * MIB - KEEPER);
        const keepers = [...words.subarray(KEEPERS_WORD, KEEPERS_WORD + 64)];
        assert(keepers.includes(BigInt(chunk + 2 * MIB - KEEPER)));
      }
    }),
);

Deno.test(
  "Addresses.take() begins again once it is at the end",
  { ignore },
  () =>
    withAddresses(256 * MIB, (words) => {
      const addresses = addressesOf(words);
      const starts = Array.from({ length: 600 }, () => addresses.take(MIB, PAGE, 0)!.start);
      // Each chunk of 2 MiB has room for one of them, and for its keeper.
      assertEquals(new Set(starts.slice(0, 128)).size, 128);
      assertEquals(starts.slice(128, 256), starts.slice(0, 128));
      assert(starts.every((start) => start >= FIRST && start + MIB <= FIRST + 256 * MIB));
    }),
);

Deno.test(
  "Addresses.take() leaves it to the system where there is no room",
  { ignore },
  () =>
    withAddresses(256 * MIB, (words) => {
      const addresses = addressesOf(words);
      assertEquals(addresses.take(257 * MIB, PAGE, 0), undefined);
      words[FIRST_ADDRESS_WORD] = 0n;
      assertEquals(addressesOf(words).take(PAGE, PAGE, 0), undefined);
    }),
);

Deno.test("MmapRegion is given other addresses each time", { ignore }, () => {
  const seen = new Set<bigint>();
  for (let i = 0; i < 2000; i++) {
    using region = MmapRegion.anonymous(PAGE, { sharing: i % 2 === 0 ? "private" : "shared" });
    seen.add(Deno.UnsafePointer.value(Deno.UnsafePointer.of(region.bytes)));
  }
  assertEquals(seen.size, 2000);
});
