/**
 * Finding a needle of two bytes and more.
 *
 * `memmem` is linear for every input, and slow: it looks at each place anew. `memchr` and `wmemchr`
 * look at 32 bytes or more at once, as fast as memory delivers them, but know one byte or one word
 * of four bytes. So they look for a rare part of the needle, and what they find is compared. That
 * is quicker as long as there are few such candidates. The search begins with `memmem`, takes
 * samples of the bytes that it has passed, and continues with the method that promises to be the
 * quickest. If more candidates come than expected, it falls back to `memmem` for a while, so that
 * it stays linear.
 *
 * Only memory in the given range is touched, and beyond the first match only the rest of a block.
 */

import { system } from "../../os/mod.ts";
import {
  type AlignedWord,
  type FindMethod,
  Plain,
  RareByte,
  RareWords,
  WORDS_BLOCK,
} from "./find_method.ts";
import type { LoadedNeedle } from "./needle.ts";
import { LONGEST_PIECE, type RarePart, Rarity } from "./rarity.ts";

/** How far `memmem` goes before anything else is tried. */
const FIRST_STRETCH = 65_536n;
/** How many times as long each choice holds as the one before. */
const GROWTH = 8n;
const LONGEST_STRETCH = 256n << 20n;
/** From this size on, counting words pays off: it takes as long as `memmem` takes for 200 KiB. */
const WORDS_FROM = 524_288n;
/** The number of pieces of a sample, spread over the searched bytes. */
const PIECES = 4;

// Costs in units of the time that `memchr` takes for a byte; measured on x86-64.
/**
 * A candidate: a call that finds it, one that compares it, and the bandwidth that the interruption
 * costs.
 */
const CANDIDATE_COST = 600;
/** `wmemchr` for four words, of which three find the bytes in the cache. */
const WORDS_COST = 2;
/** Copying to align a word. */
const COPY_COST = 0.6;
/** `memmem`, by the length of the needle. */
const PLAIN_COSTS = [1, 1, 16, 10, 6, 4.5, 4];
const PLAIN_COST = 3.2;

function plainCost({ byteLength }: LoadedNeedle): number {
  return PLAIN_COSTS[byteLength] ?? PLAIN_COST;
}

/** What a candidate costs, in bytes that `memmem` gets past in that time. */
function candidateCost(needle: LoadedNeedle): bigint {
  return BigInt(Math.round(CANDIDATE_COST / plainCost(needle)));
}

/** One needle's search, which remembers what it learned from one match to the next. */
export class Finder {
  readonly #needle: LoadedNeedle;
  #rarity: Rarity | undefined;
  readonly #plain: FindMethod;
  #method: FindMethod;
  #start = 0n;
  #until = 0n;
  #stretch = FIRST_STRETCH;
  #matches = 0;

  constructor(needle: LoadedNeedle) {
    this.#needle = needle;
    this.#plain = new Plain(needle, 0n);
    this.#method = this.#plain;
  }

  /** Restarts at another place, perhaps before the last one, and keeps what it has learned. */
  begin(start: bigint): void {
    this.#start = start;
    this.#matches = 0;
    this.#method.begin();
    if (this.#method === this.#plain) this.#stretch = FIRST_STRETCH;
    this.#until = start + this.#reach();
  }

  /**
   * The first place of the needle in [start, end), or 0n. After `begin`, each call continues after
   * the previous one.
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
      if (found !== 0n) {
        this.#matches++;
        return found;
      }
      const { gaveUpAt } = this.#method;
      at = gaveUpAt === 0n ? stop : gaveUpAt;
      if (gaveUpAt !== 0n) this.#use(this.#plain, at);
    }
    return 0n;
  }

  /** Continues with a method, each time for longer. */
  #use(method: FindMethod, at: bigint): void {
    const longer = this.#stretch * GROWTH;
    this.#stretch = longer < LONGEST_STRETCH ? longer : LONGEST_STRETCH;
    this.#method = method;
    this.#until = at + this.#reach();
  }

  /** How far a method goes before the next choice. */
  #reach(): bigint {
    // A long needle costs `memmem` some preparation in each call.
    const least = this.#needle.size * GROWTH;
    return this.#stretch > least ? this.#stretch : least;
  }

  /** Decides how to continue after a stretch was searched. */
  #choose(at: bigint): void {
    const needle = this.#needle;
    const rarity = this.#rarity ??= new Rarity(needle);
    const withWords = system().bytes.findWord !== undefined && needle.byteLength >= 4 &&
      this.#isWorthWords(at);
    this.#takeSample(rarity, at, withWords);
    const byte = rarity.rarestByte();
    const candidate = candidateCost(needle);
    let least = plainCost(needle);
    let best = this.#plain;
    const consider = (cost: number, make: () => FindMethod): void => {
      if (cost >= least) return;
      least = cost;
      best = make();
    };
    consider(
      1 + byte.frequency * CANDIDATE_COST,
      () => new RareByte(needle, candidate, byte.offset),
    );
    if (withWords) {
      const words = chooseWords(rarity.rareWords());
      consider(costOfWords(words), () => new RareWords(needle, candidate, words));
    }
    this.#use(best, at);
  }

  /** Counting words takes time, and so does restarting a block after each match. */
  #isWorthWords(at: bigint): boolean {
    const done = at - this.#start;
    return done >= WORDS_FROM && done > BigInt(this.#matches) * WORDS_BLOCK;
  }

  #takeSample(rarity: Rarity, at: bigint, withWords: boolean): void {
    const length = withWords ? LONGEST_PIECE / 2 : LONGEST_PIECE / 8;
    const distance = (at - this.#start) / BigInt(PIECES);
    for (let i = 1; i <= PIECES; i++) {
      const from = this.#start + distance * BigInt(i) - BigInt(length);
      if (withWords) rarity.addWords(from, length);
      else rarity.addBytes(from, length);
    }
  }
}

type ChosenWord = AlignedWord & RarePart;

/**
 * A word for each remainder that the place of a match can leave: one that is aligned there, or the
 * rarest one, moved, if that saves more in candidates than copying costs.
 */
function chooseWords(rarest: readonly RarePart[]): ChosenWord[] {
  return [0, 1, 2, 3].map((remainder) => {
    const aligned = rarest.find(({ offset }) => (remainder + offset) % 4 === 0);
    const moved = { ...rarest[0]!, remainder, moved: true };
    if (aligned === undefined) return moved;
    const saved = (aligned.frequency - moved.frequency) * CANDIDATE_COST / 4;
    return saved > COPY_COST ? moved : { ...aligned, remainder, moved: false };
  });
}

function costOfWords(words: readonly ChosenWord[]): number {
  // Each word is looked for at every fourth place only.
  return words.reduce(
    (cost, { frequency, moved }) => cost + frequency * CANDIDATE_COST / 4 + (moved ? COPY_COST : 0),
    WORDS_COST,
  );
}
