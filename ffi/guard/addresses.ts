/**
 * Chooses the addresses of mappings. Each address is used once, until all have been used.
 *
 * An operation of Deno, or native code, may keep an address after its mapping has ended. It must
 * never meet another mapping there. So mappings are placed one after the other in a range of
 * addresses that nobody else uses: the system hands out addresses from the top down, V8 asks for
 * addresses of 46 bits, and programs and their heaps lie above. Nothing is reserved: closed
 * mappings are unmapped and cost nothing, and no system call replaces what is mapped there.
 *
 * Each isolate takes a part of 64 MiB and places its mappings in it. When the end of the range is
 * reached, allocation starts again at the lowest address, which has been unused for longest. The
 * kernel does not grant an address that is in use; that address is skipped.
 */

import { MAP_FAILED } from "../call.ts";
import { MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE, PROT_NONE } from "../constants.ts";
import { libc } from "../libc.ts";
import { addressOf, pointerFrom } from "../memory.ts";
import { pageSize } from "../file_calls.ts";
import {
  FIRST_ADDRESS_WORD,
  GIVEN_END_WORD,
  KEEPER_COUNT,
  KEEPERS_WORD,
  LAST_ADDRESS_WORD,
  NEXT_ADDRESS_WORD,
} from "./layout.ts";

/**
 * The range that one page of the page tables covers on x86-64, and on arm64 with pages of 4 KiB.
 * Freeing such pages and making new ones would cost more than the mapping itself.
 */
const CHUNK = 2 ** 21;

const PART = 32 * CHUNK;

/**
 * Addresses that nobody else uses. The first mapping begins at a random address within `spread`
 * bytes of `first`.
 */
interface Candidate {
  readonly first: number;
  readonly spread: number;
  readonly last: number;
}

/** The ranges for addresses of 47 bits or more, and of 39 bits. The first usable one is taken. */
const CANDIDATES: readonly Candidate[] = [
  { first: 0x4000_0000_0000, spread: 2 ** 42, last: 0x5500_0000_0000 },
  { first: 0x10_0000_0000, spread: 2 ** 34, last: 0x50_0000_0000 },
];

// Captured at load: a program that changes the prototype later cannot choose the addresses.
const getRandomValues = crypto.getRandomValues.bind(crypto);

/** How the keepers of a system are made. */
export interface Keepers {
  /** The size of a keeper, in bytes: no mapping is smaller there. */
  byteLength(): number;
  /** Takes an address. @returns it; 0 if that is somebody else's */
  map(address: number): bigint;
  unmap(keeper: bigint): void;
}

/** Addresses for one mapping. */
export interface Room {
  readonly start: number;
  /** The end of the range, exclusive: no other mapping is placed before it. */
  readonly end: number;
}

/** This isolate's share of the addresses of the process. */
export class Addresses {
  /** The words of the process's table. */
  readonly #words: BigUint64Array;
  /** The addresses that this isolate has taken and not used yet. */
  #part: Room = { start: 0, end: 0 };
  /** The chunk with a keeper of this isolate, and that keeper. */
  #kept = { chunk: 0, keeper: 0n };
  readonly #keepers: Keepers;

  constructor(words: BigUint64Array, keepers: Keepers = KEEPERS) {
    this.#words = words;
    this.#keepers = keepers;
  }

  /** Chooses the range for the mappings of this process; called once, in a new table. */
  choose(): void {
    const words = this.#words;
    for (const { first, spread, last } of CANDIDATES) {
      const random = getRandomValues(new Uint32Array(1))[0]! % (spread / PART);
      const start = first + random * PART;
      const keeper = this.#mapKeeper(start);
      if (keeper === 0n) continue;
      words[KEEPERS_WORD] = keeper;
      words[NEXT_ADDRESS_WORD] = BigInt(start);
      words[LAST_ADDRESS_WORD] = BigInt(last);
      words[FIRST_ADDRESS_WORD] = BigInt(start); // last: it marks the range as chosen
      return;
    }
  }

  /**
   * Addresses that no mapping had before.
   *
   * @param byteLength a multiple of the page size
   * @param alignment a power of two of at least the page size
   * @param remainder the remainder of the start modulo `alignment`
   * @returns undefined if the system has to choose
   */
  take(byteLength: number, alignment: number, remainder: number): Room | undefined {
    if (byteLength + alignment > PART) return this.#takeLarge(byteLength, alignment, remainder);
    let start = this.#place(this.#part.start, byteLength, alignment, remainder);
    if (start + byteLength > this.#part.end) {
      const part = this.#takePart(PART);
      if (part === undefined) return undefined;
      this.#part = part;
      start = this.#place(part.start, byteLength, alignment, remainder);
    }
    const end = start + byteLength;
    this.#part = { start: end, end: this.#part.end };
    const chunk = start - start % CHUNK;
    if (byteLength < CHUNK && chunk !== this.#kept.chunk) this.#keep(chunk);
    return { start, end };
  }

  /** A range of its own for a mapping that does not fit into a part. */
  #takeLarge(byteLength: number, alignment: number, remainder: number): Room | undefined {
    const part = this.#takePart(byteLength + alignment);
    if (part === undefined) return undefined;
    const start = this.#place(part.start, byteLength, alignment, remainder);
    return { start, end: start + byteLength };
  }

  /** A part of the process's addresses, of whole chunks. */
  #takePart(byteLength: number): Room | undefined {
    const words = this.#words;
    const first = Number(words[FIRST_ADDRESS_WORD]!);
    const last = Number(words[LAST_ADDRESS_WORD]!);
    const size = Math.ceil(byteLength / CHUNK) * CHUNK;
    if (first === 0 || size > last - first) return undefined;
    while (true) {
      const next = Atomics.load(words, NEXT_ADDRESS_WORD);
      const start = Number(next) + size > last ? first : Number(next);
      const end = BigInt(start + size);
      // An exchange and not an add: two isolates must not both begin again.
      if (Atomics.compareExchange(words, NEXT_ADDRESS_WORD, next, end) !== next) continue;
      raiseGiven(words, end);
      return { start, end: start + size };
    }
  }

  /**
   * A keeper is an inaccessible page at the end of the chunk that an isolate is using. The system
   * keeps the page tables of a chunk as long as anything is mapped in it. The table lists all
   * keepers, so that those of terminated Workers are removed too.
   */
  #keep(chunk: number): void {
    const keeper = this.#mapKeeper(chunk);
    const before = this.#kept;
    this.#kept = { chunk, keeper }; // if a page is there already, it serves as the keeper
    const old = keeper === 0n ? 0n : Atomics.exchange(this.#words, keeperIndex(chunk), keeper);
    if (old !== 0n) this.#keepers.unmap(old);
    // The previous keeper of this isolate is in another part, unless it was found there.
    const index = keeperIndex(before.chunk);
    if (Atomics.compareExchange(this.#words, index, before.keeper, 0n) !== before.keeper) return;
    if (before.keeper !== 0n) this.#keepers.unmap(before.keeper);
  }

  #mapKeeper(chunk: number): bigint {
    return this.#keepers.map(chunk + CHUNK - this.#keepers.byteLength());
  }

  /** The first suitable address at `from` or behind it. */
  #place(from: number, byteLength: number, alignment: number, remainder: number): number {
    const base = Math.ceil((from - remainder) / alignment) * alignment + remainder;
    if (byteLength >= CHUNK) return base;
    // It must fit into one chunk, whose last page is the keeper's.
    const room = CHUNK - base % CHUNK - this.#keepers.byteLength();
    return byteLength <= room ? base : (Math.floor(base / CHUNK) + 1) * CHUNK + remainder;
  }
}

/** The handler treats accesses below this address as late accesses. */
function raiseGiven(words: BigUint64Array, end: bigint): void {
  let given = Atomics.load(words, GIVEN_END_WORD);
  while (given < end) {
    const seen = Atomics.compareExchange(words, GIVEN_END_WORD, given, end);
    if (seen === given) return;
    given = seen;
  }
}

/** The index of a chunk's keeper in the table. */
function keeperIndex(chunk: number): number {
  return KEEPERS_WORD + Math.floor(chunk / PART) % KEEPER_COUNT;
}

/** Inaccessible pages. */
const KEEPERS: Keepers = {
  byteLength: pageSize,
  map(address): bigint {
    const byteLength = BigInt(pageSize());
    const wanted = BigInt(address);
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    const pointer = libc().mmap(pointerFrom(wanted), byteLength, PROT_NONE, flags, -1, 0n);
    const given = addressOf(pointer);
    if (given === wanted) return wanted;
    if (given !== MAP_FAILED) libc().munmap(pointer, byteLength);
    return 0n;
  },
  unmap(keeper): void {
    libc().munmap(pointerFrom(keeper), BigInt(pageSize()));
  },
};
