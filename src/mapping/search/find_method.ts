/** The ways to find a needle: `memmem`, or libc's quicker functions for a rare part of it. */

import { addressOfBytes } from "../../../ffi/memory.ts";
import { system } from "../../os/mod.ts";
import type { LoadedNeedle } from "./needle.ts";
import { wordAt } from "./rarity.ts";

// Captured at load: a later replacement must not compute addresses.
const { asUintN } = BigInt;

/** How far, in bytes, a search may fall behind `memmem`, or use an earlier lead over it. */
const SLACK = 16_384n;
/** How many candidates are tried between two checks of their cost. */
const BATCH = 64;
/**
 * How much `wmemchr` searches at once, so that the data are in the cache for the words after the
 * first one.
 */
export const WORDS_BLOCK = 16_384n;

/** A way to search for a needle. */
export abstract class FindMethod {
  /**
   * Where the method gave up because of too many candidates; the needle is not before it. 0n: it
   * did not give up.
   */
  gaveUpAt = 0n;
  protected readonly needle: LoadedNeedle;
  /** How many candidates are left of a batch. */
  protected left = BATCH;
  readonly #candidateCost: bigint;
  /** The place that `memmem` would have reached by now. */
  #due = 0n;

  /** @param candidateCost what a candidate costs, in bytes that `memmem` gets past in that time */
  constructor(needle: LoadedNeedle, candidateCost: bigint) {
    this.needle = needle;
    this.#candidateCost = candidateCost;
  }

  /**
   * Finds the first place that the needle begins at, from `at` up to `stop`.
   *
   * @returns 0n if it is not there, or the method gave up; see `gaveUpAt`
   */
  abstract search(at: bigint, stop: bigint): bigint;

  /** Restarts at another place, perhaps before the last one. */
  begin(): void {
    this.#due = 0n;
  }

  protected beginAt(at: bigint): void {
    this.gaveUpAt = 0n;
    this.#forfeit(at);
  }

  /** Limits the lead at a place, so that the next stretch is judged by itself. */
  #forfeit(place: bigint): void {
    if (this.#due < place - SLACK) this.#due = place - SLACK;
  }

  /** Whether the needle is where its head was found. */
  protected standsAt(start: bigint): boolean {
    const { address, head, size } = this.needle;
    if (head === size || system().bytes.compare(start, address, size) === 0) return true;
    this.charge(size);
    return false;
  }

  /** Adds a cost, in bytes of `memmem`. */
  protected charge(cost: bigint): void {
    this.#due += cost;
  }

  /** Whether the cost exceeds the gain of getting to a place. */
  protected overdrawn(place: bigint): boolean {
    return this.#due > place;
  }

  /**
   * Whether the cost of these candidates exceeds the gain of getting to a place. Begins a new
   * batch.
   */
  protected tooMany(left: number, place: bigint): boolean {
    this.charge(this.#candidateCost * BigInt(BATCH - left));
    this.left = BATCH;
    const tooMany = this.overdrawn(place);
    this.#forfeit(place);
    return tooMany;
  }
}

/** `memmem`: linear for every needle. */
export class Plain extends FindMethod {
  override search(at: bigint, stop: bigint): bigint {
    const { address, size } = this.needle;
    return system().bytes.find(at, stop - at + size - 1n, address, size);
  }
}

// The loops are written so that V8 computes addresses in registers and allocates no BigInts:
// `asUintN` says that they have 64 bits, and in the loop they are neither stored nor passed on.

/** `memchr` for one byte of the needle. */
export class RareByte extends FindMethod {
  readonly #byte: number;
  readonly #offset: bigint;

  constructor(needle: LoadedNeedle, candidateCost: bigint, offset: number) {
    super(needle, candidateCost);
    this.#byte = needle.bytes[offset]!;
    this.#offset = BigInt(offset);
  }

  override search(at: bigint, stop: bigint): bigint {
    this.beginAt(at);
    const { findByte, compare } = system().bytes;
    const { address, head } = this.needle;
    const byte = this.#byte;
    const offset = asUintN(64, this.#offset);
    const end = asUintN(64, stop + offset);
    let place = asUintN(64, at + offset);
    let left = this.left;
    while (place < end) {
      const found = findByte(place, byte, asUintN(64, end - place));
      if (found === 0n) break;
      left--;
      const start = asUintN(64, found - offset);
      const headThere = compare(start, address, head) === 0;
      if (headThere && this.standsAt(start)) {
        this.left = left + 1;
        return start;
      }
      if (headThere || left === 0) {
        if (this.tooMany(left, start)) {
          this.gaveUpAt = start + 1n;
          return 0n;
        }
        left = BATCH;
      }
      place = asUintN(64, found + 1n);
    }
    this.left = left;
    return 0n;
  }
}

/** Four bytes of the needle that stand at a multiple of 4 for some of the places it may begin at. */
export interface AlignedWord {
  readonly offset: number;
  /** The remainder of those places modulo 4. */
  readonly remainder: number;
  /** Whether the word is aligned only after the bytes are copied to another place. */
  readonly moved: boolean;
}

interface Word {
  readonly word: number;
  readonly offset: bigint;
  readonly remainder: bigint;
  readonly moved: boolean;
}

const copy = new Uint8Array(Number(WORDS_BLOCK) + 8);
let copyAddress = 0n;

/** `wmemchr` for one word after the other, one for each remainder. */
export class RareWords extends FindMethod {
  readonly #words: readonly Word[];

  constructor(needle: LoadedNeedle, candidateCost: bigint, words: readonly AlignedWord[]) {
    super(needle, candidateCost);
    this.#words = words.map(({ offset, remainder, moved }) => ({
      word: wordAt(needle.bytes, offset),
      offset: BigInt(offset),
      remainder: BigInt(remainder),
      moved,
    }));
    if (copyAddress === 0n) copyAddress = addressOfBytes(copy);
  }

  override search(at: bigint, stop: bigint): bigint {
    this.beginAt(at);
    for (let block = at; block < stop;) {
      const behind = block + WORDS_BLOCK < stop ? block + WORDS_BLOCK : stop;
      const found = this.#searchBlock(block, behind);
      if (found !== 0n) this.charge(WORDS_BLOCK); // the next search begins the block anew
      if (found !== 0n || this.gaveUpAt !== 0n) return found;
      block = behind;
    }
    return 0n;
  }

  #searchBlock(at: bigint, stop: bigint): bigint {
    if (this.overdrawn(at)) {
      this.gaveUpAt = at;
      return 0n;
    }
    let first = 0n;
    let behind = stop;
    for (const word of this.#words) {
      const start = at + ((word.remainder - at) & 3n);
      if (start >= behind) continue;
      const found = word.moved
        ? this.#searchCopy(word, start, behind)
        : this.#searchWord(word, start, behind, 0n);
      if (this.gaveUpAt !== 0n) {
        this.gaveUpAt = at; // some words were not searched for beyond that
        return 0n;
      }
      if (found !== 0n) first = behind = found; // another word may still find an earlier one
    }
    return first;
  }

  #searchCopy(word: Word, at: bigint, stop: bigint): bigint {
    const from = at + word.offset;
    system().bytes.copy(copy, from, stop - at + 3n);
    return this.#searchWord(word, at, stop, copyAddress - from);
  }

  /**
   * Looks at every fourth place from `at` on.
   *
   * @param distance from the position of a word to where it is read
   */
  #searchWord({ word, offset }: Word, at: bigint, stop: bigint, distance: bigint): bigint {
    const { findWord, compare } = system().bytes;
    const { address, head } = this.needle;
    const shift = asUintN(64, offset + distance);
    const end = asUintN(64, stop + shift);
    let place = asUintN(64, at + shift);
    let left = this.left;
    while (place < end) {
      const words = asUintN(64, asUintN(64, end - place + 3n) >> 2n);
      const found = findWord!(place, word, words);
      if (found === 0n) break;
      left--;
      const start = asUintN(64, found - shift);
      const headThere = compare(start, address, head) === 0;
      if (headThere && this.standsAt(start)) {
        this.left = left + 1;
        return start;
      }
      if (headThere || left === 0) {
        if (this.tooMany(left, at)) {
          this.gaveUpAt = at;
          return 0n;
        }
        left = BATCH;
      }
      place = asUintN(64, found + 4n);
    }
    this.left = left;
    return 0n;
  }
}
