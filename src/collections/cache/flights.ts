/**
 * Who computes which key, over all processes. A flight is 8 words:
 *
 * | word | what |
 * |---|---|
 * | 0, 1 | the lock word of who computes: see `robust_word.ts` |
 * | 2, 3 | two hashes of the key |
 *
 * Flights are begun under the cache's mutex, and end without it.
 */

import { Mutex } from "../../sync/mutex.ts";
import { attemptAsync } from "../../wait/attempt.ts";
import type { Attempt } from "../../wait/attempt.ts";
import { RegionWords } from "../../wait/region_words.ts";
import { RobustWord } from "../../wait/robust_word.ts";
import { EVERYBODY, type Words } from "../../wait/words.ts";
import { MUTEX_BYTE_OFFSET } from "../header.ts";
import { FLIGHT_COUNT, FLIGHTS_BYTE_OFFSET } from "./cache_layout.ts";
import type { CacheCore } from "./core.ts";

/** In words. */
export const FLIGHT_LENGTH = 8;
const FIRST_HASH = 2;
const SECOND_HASH = 3;
const ACTION = "compute value";

/** Two hashes of a key. */
export type KeyHashes = readonly [number, number];

/** A flight of this isolate. */
export class OwnFlight {
  readonly #word: RobustWord;
  /** Whether the isolate that computed before has died. */
  readonly handedOver: boolean;

  constructor(word: RobustWord, handedOver: boolean) {
    this.#word = word;
    this.handedOver = handedOver;
  }

  /** Whether another isolate waits for it. */
  get isAwaited(): boolean {
    const { words, index } = this.#word;
    return Atomics.load(words.cells, index) < 0;
  }

  /** Ends it, and wakes who waits. */
  end(): void {
    try {
      this.#word.release(EVERYBODY);
    } catch {
      // The region is closed, which gives everything up.
    }
  }
}

/** Another isolate's flight. */
export interface OtherFlight {
  /** Waits until it ends. @returns undefined then; or the flight, if that isolate has died */
  wait(timeoutMs: number, signal: AbortSignal): Promise<OwnFlight | undefined>;
}

/** The flights of a cache. */
export class Flights {
  readonly #words: RegionWords;
  readonly #mutex: Mutex;

  constructor({ region }: CacheCore) {
    const byteLength = 4 * FLIGHT_LENGTH * FLIGHT_COUNT;
    this.#words = new RegionWords(region, FLIGHTS_BYTE_OFFSET, byteLength, ACTION);
    this.#mutex = new Mutex(region, MUTEX_BYTE_OFFSET);
  }

  /** Begins a flight, unless somebody has begun it. @returns undefined if there are too many */
  begin(key: KeyHashes): OwnFlight | OtherFlight | undefined {
    using _guard = this.#mutex.lockSync();
    let free: RobustWord | undefined;
    let unused: RobustWord | undefined;
    for (let i = 0; i < FLIGHT_COUNT; i++) {
      const word = new RobustWord(this.#words, FLIGHT_LENGTH * i);
      if (word.holder === 0) free ??= word;
      else if (isOf(word, key)) {
        if (word.takeIfDead()) return new OwnFlight(word, true);
        if (word.holder !== 0) return this.#other(word, key);
        free ??= word;
      } else unused ??= word.isLost ? word : undefined;
    }
    free ??= unused;
    if (free?.takeNow() === undefined) return undefined;
    const { cells } = this.#words;
    cells[free.index + FIRST_HASH] = key[0];
    cells[free.index + SECOND_HASH] = key[1];
    return new OwnFlight(free, false);
  }

  #other(word: RobustWord, key: KeyHashes): OtherFlight {
    return {
      wait: async (timeoutMs, signal) => {
        const deadline = timeoutMs === Infinity ? Infinity : performance.now() + timeoutMs;
        const end = await attemptAsync(new EndAttempt(word, key), { deadline, signal });
        return end === "dead" ? new OwnFlight(word, true) : undefined;
      },
    };
  }
}

/** Whether a flight is, or was, about a key. */
function isOf({ words: { cells }, index }: RobustWord, key: KeyHashes): boolean {
  return cells[index + FIRST_HASH] === key[0] && cells[index + SECOND_HASH] === key[1];
}

/** Waits for the end of a flight, or the death of who computes: it is this isolate's then. */
class EndAttempt implements Attempt<"over" | "dead"> {
  readonly action: string = ACTION;
  readonly #word: RobustWord;
  readonly #key: KeyHashes;

  constructor(word: RobustWord, key: KeyHashes) {
    this.#word = word;
    this.#key = key;
  }

  get words(): Words {
    return this.#word.words;
  }

  get index(): number {
    return this.#word.index;
  }

  get expected(): number {
    return this.#word.expected;
  }

  attempt(): "over" | undefined {
    return this.#word.holder === 0 || !isOf(this.#word, this.#key) ? "over" : undefined;
  }

  prepare(thorough: boolean): "over" | "dead" | undefined {
    if (this.attempt() !== undefined) return "over";
    const state = this.#word.freeOrWait(thorough);
    if (state === undefined) return isOf(this.#word, this.#key) ? undefined : "over";
    if (state === "free") return "over";
    if (isOf(this.#word, this.#key)) return "dead";
    // Between the two looks it had become another key's, whose isolate has died.
    this.#word.release(EVERYBODY);
    return "over";
  }

  cancel(): undefined {}
}
