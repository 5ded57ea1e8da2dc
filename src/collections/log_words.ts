/**
 * The words of a log's header, after those of all collections:
 *
 * | byte | what | written by |
 * |---|---|---|
 * | 128 | u32 TAIL: the low half of the tail, in units of 8 bytes; readers sleep on it | writer |
 * | 132 | u32 EPOCH: twice the high half of the tail; one more while both halves change | writer |
 * | 136 | u32 SLEEPERS: not 0: somebody may sleep on TAIL | followers, writer |
 * | 192 | f64 MARK: a record's position that lies a mebibyte or more before the tail | writer |
 * | 200 | f64 SAFE: what MARK was at the last commit to the disk | writer |
 * | 208 | f64 COMMITTED: what the tail was then | writer |
 * | 216 | u32 BOOT: the boot of the machine in which the writer ran; 0: not known | writer |
 *
 * The tail is the position of the next record: the sum of the lengths of all earlier ones. One
 * store of TAIL makes a record visible. MARK, SAFE, COMMITTED and BOOT only save work after a
 * crash.
 */

import { system } from "../os/mod.ts";
import { readFirst } from "../wait/order.ts";

const TAIL = 32;
const EPOCH = 33;
const SLEEPERS = 34;
const BOOT = 54;
const MARK = 24;
const SAFE = 25;
const COMMITTED = 26;

/** Records begin at multiples of this. */
export const UNIT = 8;

/** How many units an epoch has: 32 GiB. No record is longer. */
const EPOCH_UNITS = 2 ** 32;

/** The index of TAIL among the words of the header. */
export const TAIL_INDEX = TAIL;

/** How often a reader looks again while the halves change, before it takes the writer for dead. */
const LOOKS = 1000;

/** The header of a log, as its writer and its readers use it. */
export class LogWords {
  readonly #words: Int32Array;
  readonly #marks: Float64Array;
  #epoch: number;

  constructor(words: Int32Array) {
    this.#words = words;
    this.#marks = new Float64Array(words.buffer, words.byteOffset, words.length / 2);
    this.#epoch = Math.floor(this.tail / UNIT / EPOCH_UNITS);
  }

  /** The end of the last visible record. */
  get tail(): number {
    const words = this.#words;
    for (let look = 0; look < LOOKS; look++) {
      const epoch = Atomics.load(words, EPOCH) >>> 0;
      // Pairs with the store in `publish`: a reader that sees a tail sees every byte before it.
      const low = Atomics.load(words, TAIL) >>> 0;
      if (epoch % 2 === 0 && Atomics.load(words, EPOCH) >>> 0 === epoch) {
        return (epoch / 2 * EPOCH_UNITS + low) * UNIT;
      }
    }
    // The writer stopped between the two halves. All records of the old epoch are complete in any
    // case.
    return ((Atomics.load(words, EPOCH) >>> 1) + 1) * EPOCH_UNITS * UNIT;
  }

  /** By the writer only: makes everything up to `tail` visible. */
  publish(tail: number): void {
    const units = tail / UNIT;
    const epoch = Math.floor(units / EPOCH_UNITS);
    if (epoch !== this.#epoch) return this.#publishBoth(units, epoch);
    // Pairs with the load in `tail`. A plain store could be seen before the record's bytes.
    Atomics.store(this.#words, TAIL, units | 0);
  }

  #publishBoth(units: number, epoch: number): void {
    // An odd value: a reader that finds it uses the beginning of the new epoch, which is not beyond
    // the data.
    if (epoch > 0) Atomics.store(this.#words, EPOCH, 2 * epoch - 1 | 0);
    Atomics.store(this.#words, TAIL, units | 0);
    Atomics.store(this.#words, EPOCH, 2 * epoch | 0);
    this.#epoch = epoch;
  }

  /** The value of the word that followers sleep on. */
  get low(): number {
    return Atomics.load(this.#words, TAIL);
  }

  /**
   * Whether somebody has to be woken.
   *
   * The load comes after the store of `publish` (which on x86-64 is an exchange, and so a fence),
   * and a follower raises the word before it looks at TAIL for the last time: one of the two sees
   * the other's write.
   */
  get hasSleepers(): boolean {
    return readFirst(this.#words, SLEEPERS) !== 0;
  }

  /**
   * Set before sleeping, and cleared before waking, so that a dead follower costs only one wake-up.
   */
  setSleepers(some: boolean): void {
    Atomics.store(this.#words, SLEEPERS, some ? 1 : 0);
  }

  /** Where to start looking for a torn record. */
  get lookFrom(): number {
    const boot = bootHash();
    return boot !== 0 && this.#words[BOOT] === boot ? this.#marks[MARK]! : this.#marks[SAFE]!;
  }

  /** All before was on the disk at some time. */
  get committed(): number {
    return this.#marks[COMMITTED]!;
  }

  /** By the writer, when it opens the log: sets the words. */
  begin(tail: number, mark: number): void {
    const units = tail / UNIT;
    const epoch = Math.floor(units / EPOCH_UNITS);
    // Also if the last writer was killed while it changed both halves.
    if (this.#words[TAIL] !== (units | 0) || this.#words[EPOCH] !== (2 * epoch | 0)) {
      this.#publishBoth(units, epoch);
    }
    this.#epoch = epoch;
    this.#marks[COMMITTED] = Math.min(this.committed, tail) || 0;
    this.#marks[MARK] = mark;
    this.#marks[SAFE] = Math.min(this.#marks[SAFE]!, mark) || 0;
    this.#words[BOOT] = bootHash();
  }

  /** By the writer: marks a record that begins there, after which much was written. */
  mark(position: number): void {
    this.#marks[MARK] = position;
  }

  /** By the writer: records that everything before `tail` is on the disk. */
  setCommitted(tail: number): void {
    this.#marks[COMMITTED] = tail;
    this.#marks[SAFE] = this.#marks[MARK]!;
  }
}

/**
 * A hash of the machine's boot: what was only in memory is lost by a reboot. 0 if the boot is not
 * known, such as without /proc/sys.
 */
function bootHash(): number {
  let hash = 0;
  for (const character of system().processes.boot()) {
    hash = Math.imul(hash, 31) + character.charCodeAt(0) | 0;
  }
  return hash;
}
