/**
 * The memory of an RwLock and its algorithm.
 *
 * | word | what | written by |
 * |---|---|---|
 * | 0, 1 | the writer, or the next one: a lock word, see `robust_word.ts` | writers |
 * | 2 DRAIN | changes when a reader leaves while a writer waits, which sleeps on this word | readers |
 * | 3 DIED | not 0: a writer has died, and nobody has written since | whoever finds out |
 * | 15, 16... | the readers: see `members.ts`, 120 at most | readers |
 *
 * A reader first enters the list and then looks at the writer's word; a writer first takes the word
 * and then looks at the list. Both are sequentially consistent, so one of the two sees the other: the
 * reader leaves again, or the writer waits for it.
 */

import type { Attempt } from "./attempt.ts";
import type { LockHolder } from "./holder.ts";
import { holderAt } from "./lock_holder.ts";
import { Members } from "./members.ts";
import { RobustWord, type Taken } from "./robust_word.ts";
import { EVERYBODY, type Words } from "./words.ts";

export const WRITER = 0;
export const DRAIN = 2;
const DIED = 3;
export const FIRST_MEMBER = 16;

/** A reader's slot in the list, and whether a writer has died. */
export interface ReadHold {
  readonly slot: number;
  readonly ownerDied: boolean;
}

/** The words of one lock. */
export class RwWords {
  static readonly byteLength = 1024;

  readonly words: Words;
  readonly writer: RobustWord;
  readonly readers: Members;

  constructor(words: Words) {
    this.words = words;
    this.writer = new RobustWord(words, WRITER);
    this.readers = new Members(FIRST_MEMBER, words.threads);
  }

  /** Whether this isolate reads or writes. */
  get isOwn(): boolean {
    return this.writer.isOwn || this.readers.hasSelf(this.words.cells);
  }

  /** The readers, or, if there are none, the writer. */
  holders(): LockHolder[] {
    const { readers, words } = this;
    // A writer that has its word while somebody reads is still waiting.
    const reading = [...readers.taken(words.cells)].flatMap((at) => holderAt(words, at) ?? []);
    return reading.length > 0 ? reading : [holderAt(words, WRITER) ?? []].flat();
  }

  /** Enters as a reader if nobody writes or waits to. */
  tryRead(): ReadHold | undefined {
    if (this.writer.holder !== 0) return undefined;
    const slot = this.readers.enter(this.words.cells);
    if (slot === undefined) return undefined;
    if (this.writer.holder === 0) return this.#hold(slot);
    this.leave(slot);
    return undefined;
  }

  /** As `tryRead`, but first removes a dead writer, and dead readers if the list is full. */
  readNow(): ReadHold | undefined {
    const hold = this.tryRead();
    if (hold !== undefined) return hold;
    if (this.writer.takeIfDead()) return this.readRecovered();
    const { readers, words } = this;
    if (!readers.isFull(words.cells)) return undefined;
    readers.dropDead(words.cells);
    return this.tryRead();
  }

  /** Enters as a reader, while this thread holds the word of a dead writer. */
  readRecovered(): ReadHold | undefined {
    // Before the word is given back, so that no other reader misses it.
    Atomics.store(this.words.cells, DIED, 1);
    try {
      const slot = this.readers.enter(this.words.cells);
      return slot === undefined ? undefined : this.#hold(slot);
    } finally {
      this.writer.release(EVERYBODY);
    }
  }

  #hold(slot: number): ReadHold {
    return { slot, ownerDied: Atomics.load(this.words.cells, DIED) !== 0 };
  }

  /** Leaves as a reader. */
  leave(slot: number): void {
    const { cells } = this.words;
    this.readers.leave(cells, slot);
    // Pairs with the writer's exchange on its word: either it is seen here, or the writer finds the
    // slot empty.
    if (Atomics.load(cells, WRITER) === 0) return;
    Atomics.add(cells, DRAIN, 1);
    this.words.wake(DRAIN, EVERYBODY);
  }

  /** Takes the writer's word if it is free and there is no reader: the fast path. */
  tryWrite(): boolean {
    // Looks first, so that it does not lock readers out for nothing; the second look decides.
    return this.drained(-1, false) && this.writer.tryTake() && this.#keep("taken", -1, false);
  }

  /** Takes the writer's word if there is no living holder and no living reader but `except`. */
  writeNow(except = -1): Taken | undefined {
    const taken = this.writer.takeNow();
    return taken !== undefined && this.#keep(taken, except, true) ? taken : undefined;
  }

  /** Keeps the writer's word if no reader but `except` is left; otherwise gives it up again. */
  #keep(taken: Taken, except: number, thorough: boolean): boolean {
    let kept = false;
    try {
      return kept = this.drained(except, thorough);
    } finally {
      if (!kept) this.giveWriterUp(taken);
    }
  }

  /** Whether no reader but `except` is left. */
  drained(except: number, thorough: boolean): boolean {
    const { cells } = this.words;
    if (this.readers.count(cells, except) === 0) return true;
    if (!thorough) return false;
    this.readers.dropDead(cells);
    return this.readers.count(cells, except) === 0;
  }

  /** Gives the writer's word back without a write. */
  giveWriterUp(taken: Taken): void {
    // The next holder must still learn of the death.
    if (taken === "recovered") Atomics.store(this.words.cells, DIED, 1);
    this.writer.release(EVERYBODY);
  }

  /**
   * Whether a writer has died and nobody has written since. This writer is told, and so later ones
   * are not.
   */
  tellDeath(taken: Taken): boolean {
    const { cells } = this.words;
    // The writer's word is held, so nobody sets it between the load and the exchange.
    const told = Atomics.load(cells, DIED) !== 0 && Atomics.exchange(cells, DIED, 0) !== 0;
    return told || taken === "recovered";
  }
}

/** An attempt to lock for reading. */
export class ReadAttempt implements Attempt<ReadHold> {
  readonly action = "lock for reading";
  readonly #rw: RwWords;
  index = WRITER;
  expected = 0;

  constructor(rw: RwWords) {
    this.#rw = rw;
  }

  get words(): Words {
    return this.#rw.words;
  }

  attempt(): ReadHold | undefined {
    return this.#rw.tryRead();
  }

  prepare(thorough: boolean): ReadHold | undefined {
    const { writer, words, readers } = this.#rw;
    while (true) {
      this.expected = Atomics.load(words.cells, DRAIN);
      const hold = this.#rw.tryRead();
      if (hold !== undefined) return hold;
      const state = writer.freeOrWait(thorough);
      if (state === "recovered") {
        const recovered = this.#rw.readRecovered();
        if (recovered !== undefined) return recovered;
      } else if (state === undefined) {
        this.index = WRITER;
        this.expected = writer.expected;
        return undefined;
      } else if (readers.isFull(words.cells)) {
        // No wake-up comes when one of so many readers leaves: this waiter looks again after each
        // time slice.
        if (thorough) readers.dropDead(words.cells);
        this.index = DRAIN;
        return undefined;
      }
    }
  }

  cancel(): undefined {}
}

/** Waits, with the writer's word held, until no reader but one is left. */
export class DrainAttempt implements Attempt<Taken> {
  readonly action: string = "upgrade lock";
  readonly index = DRAIN;
  expected = 0;
  readonly #rw: RwWords;
  readonly #taken: Taken;
  readonly #except: number;

  constructor(rw: RwWords, taken: Taken, except: number) {
    this.#rw = rw;
    this.#taken = taken;
    this.#except = except;
  }

  get words(): Words {
    return this.#rw.words;
  }

  attempt(): Taken | undefined {
    return this.#rw.drained(this.#except, false) ? this.#taken : undefined;
  }

  prepare(thorough: boolean): Taken | undefined {
    // Before the look: a reader that leaves after it moves this word.
    this.expected = Atomics.load(this.words.cells, DRAIN);
    return this.#rw.drained(this.#except, thorough) ? this.#taken : undefined;
  }

  cancel(): undefined {
    this.#rw.giveWriterUp(this.#taken);
  }
}

/** Locks for writing: takes the writer's word, then waits until no reader is left. */
export class WriteAttempt implements Attempt<Taken> {
  readonly action = "lock for writing";
  readonly #rw: RwWords;
  /** Set once the writer's word is taken. */
  #drain: DrainAttempt | undefined;
  #waited = false;

  constructor(rw: RwWords) {
    this.#rw = rw;
  }

  get words(): Words {
    return this.#rw.words;
  }

  get index(): number {
    return this.#drain?.index ?? WRITER;
  }

  get expected(): number {
    return this.#drain?.expected ?? this.#rw.writer.expected;
  }

  attempt(): Taken | undefined {
    if (this.#drain === undefined) {
      if (!this.#rw.writer.tryTake()) return undefined;
      this.#drain = new DrainAttempt(this.#rw, "taken", -1);
    }
    return this.#drain.attempt();
  }

  prepare(thorough: boolean): Taken | undefined {
    if (this.#drain === undefined) {
      const taken = this.#rw.writer.takeOrWait(this.#waited, thorough);
      this.#waited = true;
      if (taken === undefined) return undefined;
      this.#drain = new DrainAttempt(this.#rw, taken, -1);
    }
    return this.#drain.prepare(thorough);
  }

  cancel(): undefined {
    if (this.#drain !== undefined) this.#drain.cancel();
    else this.#rw.writer.passOn();
  }
}
