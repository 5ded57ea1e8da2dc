/**
 * Which addresses mappings are given: each only once, as long as there are others.
 *
 * An operation of Deno, or native code, may keep an address beyond the end of its mapping. It must
 * never meet another mapping there. So mappings go one behind the other into a part of the address
 * space that nobody else uses: the system hands out addresses from the top down, V8 wishes for
 * addresses of 46 bits, programs and their heaps lie above. Nothing is reserved: what was closed is
 * unmapped, costs nothing, and no system call is told to replace anything there.
 *
 * When the end is reached, it begins again at the lowest address, with those that have been unused
 * for longest. A wish for an address that is taken by somebody is not granted, and skipped.
 */

import { MAP_FAILED } from "../call.ts";
import { MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE, PROT_NONE } from "../constants.ts";
import { libc } from "../libc.ts";
import { addressOf, pointerFrom } from "../memory.ts";
import { pageSize } from "../page_size.ts";
import {
  FIRST_ADDRESS_WORD,
  GIVEN_END_WORD,
  KEEPER_WORD,
  LAST_ADDRESS_WORD,
  NEXT_ADDRESS_WORD,
} from "./table.ts";

/**
 * What one page of the page tables covers on x86-64 and on arm64 with pages of 4 KiB. Freeing such
 * pages, and making new ones, would cost more than the mapping.
 */
const CHUNK = 1n << 21n;

/** A part of the address space: it begins within `spread` bytes from `first`, at a random place. */
interface Part {
  readonly first: bigint;
  readonly spread: bigint;
  readonly last: bigint;
}

/** By the size of the address space: 47 bits and more, 39 bits. The first one that is there serves. */
const PARTS: readonly Part[] = [
  { first: 0x4000_0000_0000n, spread: 1n << 42n, last: 0x5500_0000_0000n },
  { first: 0x10_0000_0000n, spread: 1n << 34n, last: 0x50_0000_0000n },
];

// Captured at load: a program that changes the prototype later cannot choose the addresses.
const getRandomValues = crypto.getRandomValues.bind(crypto);

/** Chooses where mappings of this process go. */
export function reserveAddresses(words: BigUint64Array): void {
  for (const { first, spread, last } of PARTS) {
    const random = getRandomValues(new BigUint64Array(1))[0]! % spread;
    const start = first + random - random % CHUNK;
    const keeper = mapKeeper(start);
    if (keeper === 0n) continue;
    words[NEXT_ADDRESS_WORD] = start;
    words[GIVEN_END_WORD] = start;
    words[LAST_ADDRESS_WORD] = last;
    words[KEEPER_WORD] = keeper;
    words[FIRST_ADDRESS_WORD] = start; // last: it says that there are addresses
    return;
  }
}

/** Where a mapping may go. */
export interface Room {
  readonly start: bigint;
  /** Behind the last address: nobody else is given what lies before it. */
  readonly end: bigint;
}

/**
 * Addresses that no mapping had before.
 *
 * @param byteLength a multiple of the page size
 * @param alignment a power of two of at least the page size
 * @param remainder what the start leaves when it is divided by `alignment`
 * @returns undefined where the system has to choose
 */
export function takeAddresses(
  words: BigUint64Array,
  byteLength: bigint,
  alignment: bigint,
  remainder: bigint,
): Room | undefined {
  const first = words[FIRST_ADDRESS_WORD]!;
  const last = words[LAST_ADDRESS_WORD]!;
  if (first === 0n || byteLength > last - first - 2n * alignment) return undefined;
  while (true) {
    const next = Atomics.load(words, NEXT_ADDRESS_WORD);
    let start = place(next, byteLength, alignment, remainder);
    if (start + byteLength > last) start = place(first, byteLength, alignment, remainder);
    const end = start + byteLength;
    if (Atomics.compareExchange(words, NEXT_ADDRESS_WORD, next, end) !== next) continue;
    raiseGiven(words, end);
    if (byteLength < CHUNK) moveKeeper(words, start);
    return { start, end };
  }
}

/** The first suitable address at `from` or behind it. */
function place(from: bigint, byteLength: bigint, alignment: bigint, remainder: bigint): bigint {
  const base = (from - remainder + alignment - 1n) / alignment * alignment + remainder;
  if (byteLength >= CHUNK) return base;
  // Whole within one chunk, whose last page is the keeper's.
  const room = CHUNK - base % CHUNK - BigInt(pageSize());
  return byteLength <= room ? base : (base / CHUNK + 1n) * CHUNK + remainder;
}

/** The handler takes accesses below this for late ones. */
function raiseGiven(words: BigUint64Array, end: bigint): void {
  let given = Atomics.load(words, GIVEN_END_WORD);
  while (given < end) {
    const seen = Atomics.compareExchange(words, GIVEN_END_WORD, given, end);
    if (seen === given) return;
    given = seen;
  }
}

/**
 * The keeper is a page that cannot be touched, mapped at the end of the chunk in which mappings are
 * made now: the system keeps a chunk's page tables as long as anything is mapped in it.
 */
function moveKeeper(words: BigUint64Array, start: bigint): void {
  const old = Atomics.load(words, KEEPER_WORD);
  if (old / CHUNK === start / CHUNK) return;
  const keeper = mapKeeper(start / CHUNK * CHUNK);
  if (keeper === 0n) return;
  // Whoever loses the race takes its own one away.
  const moved = Atomics.compareExchange(words, KEEPER_WORD, old, keeper) === old;
  libc().munmap(pointerFrom(moved ? old : keeper), BigInt(pageSize()));
}

/** @returns where it is; 0 if that page is not to be had */
function mapKeeper(chunk: bigint): bigint {
  const byteLength = BigInt(pageSize());
  const wanted = chunk + CHUNK - byteLength;
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  const pointer = libc().mmap(pointerFrom(wanted), byteLength, PROT_NONE, flags, -1, 0n);
  const address = addressOf(pointer);
  if (address === wanted) return wanted;
  if (address !== MAP_FAILED) libc().munmap(pointer, byteLength);
  return 0n;
}
