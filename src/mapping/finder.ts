/**
 * Finding a needle of two bytes and more.
 *
 * `memmem` is linear for every input, and slow: it looks at each place anew. `memchr` and `wmemchr`
 * look at 32 bytes or more at once, as fast as memory delivers them, but know one byte or one word
 * of four. So they look for what is rare of the needle, and what they find is compared: quicker as
 * long as there are few of these candidates. When too many come, the search falls back to `memmem`
 * for a while, so that it stays linear; then it takes a sample of what it has just been through and
 * chooses again.
 *
 * All memory that is touched lies in the given range, and none of it behind the first match but the
 * rest of a block.
 */

import { libc } from "../../ffi/libc.ts";
import { platform } from "../../ffi/platform.ts";
import type { LoadedNeedle } from "./needle.ts";
import { Rarity, SAMPLE_BYTE_LENGTH, wordAt } from "./rarity.ts";

const KiB = 1024n;
/** How far `memmem` goes before anything else is tried: choosing must pay off. */
const FIRST_STRETCH = 128n * KiB;
/** How far it goes after too many candidates: longer each time. */
const LONGEST_STRETCH = 64n * 1024n * KiB;
/** How many bytes of candidates' costs a search may be in arrears with. */
const SLACK = 16n * KiB;
/** What `wmemchr` is given at once, so that the words after the first one find it in the cache. */
const BLOCK = 32n * KiB;
/** A byte or the four words together pay off if a sample has at most so many of them. */
const MOST_IN_SAMPLE = SAMPLE_BYTE_LENGTH / 400;
/** How much of the needle is considered. */
const BYTES_CONSIDERED = 4096;
const WORD_BYTES_CONSIDERED = 67;
/** From here on, each place that a needle can begin at leaves it a whole aligned word. */
const LEAST_WITH_WORDS = 7;
const NOWHERE_YET = 2n ** 64n - 1n;

/** A way to search for a needle that begins at one of the addresses from `at` up to `stop`. */
interface Method {
  /** @returns where it begins, or 0n: it is not there, or the method gave up; see `gaveUpAt` */
  search(at: bigint, stop: bigint): bigint;
  /** Up to where the needle was not found before there were too many candidates; 0n if all were. */
  gaveUpAt: bigint;
}

/** One needle's search, which remembers what it learned from one match to the next. */
export class Finder {
  readonly #needle: LoadedNeedle;
  readonly #plain: Method;
  #method: Method;
  #until = 0n;
  #stretch = FIRST_STRETCH;

  constructor(needle: LoadedNeedle) {
    this.#needle = needle;
    this.#plain = new Plain(needle);
    this.#method = this.#plain;
  }

  /** Begins at another place, perhaps before the last one, with what is known by now. */
  begin(start: bigint): void {
    if (this.#method === this.#plain) this.#searchPlainly(start, FIRST_STRETCH);
  }

  /**
   * The first place of the needle in [start, end), or 0n. Each call but the first after `begin` goes
   * on behind the one before.
   */
  next(start: bigint, end: bigint): bigint {
    const { size } = this.#needle;
    if (start + size > end) return 0n;
    const behind = end - size + 1n;
    let at = start;
    while (at < behind) {
      if (at >= this.#until) this.#choose(at);
      const stop = this.#until < behind ? this.#until : behind;
      const found = this.#method.search(at, stop);
      if (found !== 0n) return found;
      at = stop;
      if (this.#method.gaveUpAt === 0n) continue;
      at = this.#method.gaveUpAt;
      this.#stretch = this.#stretch * 4n < LONGEST_STRETCH ? this.#stretch * 4n : LONGEST_STRETCH;
      this.#searchPlainly(at, this.#stretch);
    }
    return 0n;
  }

  #searchPlainly(at: bigint, stretch: bigint): void {
    this.#method = this.#plain;
    // A long needle costs `memmem` some time beforehand, at each call.
    this.#until = at + (stretch > this.#needle.size * 8n ? stretch : this.#needle.size * 8n);
  }

  /** Decides how to go on at a place that some stretch was searched before. */
  #choose(at: bigint): void {
    const rarity = new Rarity(at - BigInt(SAMPLE_BYTE_LENGTH));
    const byte = rarity.rarestByte(this.#needle, BYTES_CONSIDERED);
    this.#until = NOWHERE_YET;
    if (byte.count <= MOST_IN_SAMPLE) {
      this.#method = new RareByte(this.#needle, byte.offset);
      return;
    }
    if (this.#needle.byteLength >= LEAST_WITH_WORDS && hasFastWords()) {
      const words = rarity.rarestWords(this.#needle, WORD_BYTES_CONSIDERED);
      if (words.count <= MOST_IN_SAMPLE) {
        this.#method = new RareWords(this.#needle, words.offsets);
        return;
      }
    }
    this.#searchPlainly(at, this.#stretch * 8n);
  }
}

/** glibc has `wmemchr` in vector instructions for x86-64; elsewhere it is a plain loop. */
function hasFastWords(): boolean {
  const { os, arch } = platform();
  return os === "linux" && arch === "x86_64";
}

class Plain implements Method {
  readonly gaveUpAt = 0n;
  readonly #needle: LoadedNeedle;

  constructor(needle: LoadedNeedle) {
    this.#needle = needle;
  }

  search(at: bigint, stop: bigint): bigint {
    const { address, size } = this.#needle;
    return libc().memmem(at, stop - at + size - 1n, address, size);
  }
}

// In the loops, `asUintN` says that an address has 64 bits: V8 then computes it in a register and
// makes no BigInt of it.

class RareByte implements Method {
  gaveUpAt = 0n;
  readonly #needle: LoadedNeedle;
  readonly #byte: number;
  readonly #offset: bigint;

  constructor(needle: LoadedNeedle, offset: number) {
    this.#needle = needle;
    this.#byte = needle.bytes[offset]!;
    this.#offset = BigInt(offset);
  }

  search(at: bigint, stop: bigint): bigint {
    const { memchr } = libc();
    const needle = this.#needle;
    const byte = this.#byte;
    const offset = this.#offset;
    const end = BigInt.asUintN(64, stop + offset);
    let place = BigInt.asUintN(64, at + offset);
    // Where the search would be by now if it were as slow as `memmem`.
    let due = BigInt.asUintN(64, place - SLACK);
    this.gaveUpAt = 0n;
    while (place < end) {
      const found = memchr(place, byte, BigInt.asUintN(64, end - place));
      if (found === 0n) return 0n;
      const start = BigInt.asUintN(64, found - offset);
      const cost = needle.costOfMismatch(start);
      if (cost === 0n) return start;
      place = BigInt.asUintN(64, found + 1n);
      due = BigInt.asUintN(64, due + cost);
      if (due > place) {
        this.gaveUpAt = BigInt.asUintN(64, place - offset);
        return 0n;
      }
    }
    return 0n;
  }
}

/** Words of the needle, one of which is aligned wherever the needle begins. */
class RareWords implements Method {
  gaveUpAt = 0n;
  readonly #needle: LoadedNeedle;
  readonly #words: readonly { readonly word: number; readonly offset: bigint }[];
  #due = 0n;

  constructor(needle: LoadedNeedle, offsets: readonly number[]) {
    this.#needle = needle;
    this.#words = offsets.map((offset) => ({
      word: wordAt(needle.bytes, offset),
      offset: BigInt(offset),
    }));
  }

  search(at: bigint, stop: bigint): bigint {
    this.#due = at - SLACK;
    this.gaveUpAt = 0n;
    for (let block = at; block < stop;) {
      const behind = block + BLOCK < stop ? block + BLOCK : stop;
      const found = this.#searchBlock(block, behind);
      if (found !== 0n || this.gaveUpAt !== 0n) return found;
      block = behind;
    }
    return 0n;
  }

  #searchBlock(at: bigint, stop: bigint): bigint {
    let first = 0n;
    let behind = stop;
    for (const { word, offset } of this.#words) {
      const found = this.#searchWord(word, offset, at, behind);
      if (this.gaveUpAt !== 0n) return 0n;
      if (found !== 0n) first = behind = found; // another word may still find an earlier one
    }
    return first;
  }

  #searchWord(word: number, offset: bigint, at: bigint, stop: bigint): bigint {
    const { wmemchr } = libc();
    const needle = this.#needle;
    const end = BigInt.asUintN(64, stop + offset);
    let place = BigInt.asUintN(64, (at + offset + 3n) & ~3n);
    let due = this.#due;
    while (place < end) {
      const found = wmemchr(place, word, BigInt.asUintN(64, (end - place + 3n) >> 2n));
      if (found === 0n) break;
      const start = BigInt.asUintN(64, found - offset);
      const cost = needle.costOfMismatch(start);
      if (cost === 0n) {
        this.#due = due;
        return start;
      }
      place = BigInt.asUintN(64, found + 4n);
      due = BigInt.asUintN(64, due + cost);
      if (due > at) {
        this.gaveUpAt = at;
        return 0n;
      }
    }
    this.#due = due;
    return 0n;
  }
}
