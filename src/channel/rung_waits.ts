/** The waits of this isolate that end when somebody rings its doorbell. */

import type { Doorbell } from "../os/system.ts";
import type { Threads } from "../wait/holder.ts";
import { Spinner } from "../wait/spinner.ts";
import { addEnd, removeEnd } from "../wait/waiter.ts";
import type { WaitResult } from "../wait/words.ts";
import { enterDoorbell, fallAsleep, isAsleep, rise } from "./doorbells.ts";
import { MOST_PAUSES } from "./wait_strategy.ts";

/** With more sleepers, a look at the words of all of them would take too long. */
const MOST_TO_WATCH = 8;

interface Wait {
  /** The word that it is for, and the value that this had. */
  readonly index: number;
  readonly expected: number;
  readonly deadline: number;
  readonly settle: (result: WaitResult) => void;
}

/** All waits, and the doorbell. */
export class RungWaits {
  readonly #doorbell: Doorbell;
  /** The sleepers with waits. */
  readonly #sleeping = new Set<Sleeper>();
  readonly #spinner = new Spinner({ most: MOST_PAUSES, longestBreak: 2, probeEvery: 32 });
  #expecting = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerEnd = Infinity;

  constructor(doorbell: Doorbell) {
    this.#doorbell = doorbell;
  }

  /** Takes a slot in a table. */
  sleeperIn(cells: Int32Array, threads: Threads): Sleeper {
    let slot: number | undefined;
    try {
      slot = enterDoorbell(cells, threads, this.#doorbell);
    } catch {
      // Nothing would show others that this isolate is alive, or the table is damaged.
    }
    return new Sleeper(this, this.#doorbell.number, slot);
  }

  /** As long as there are sleepers, the program goes on. */
  add(sleeper: Sleeper, deadline: number): void {
    if (this.#sleeping.size === 0) this.#doorbell.keepAlive(true);
    this.#sleeping.add(sleeper);
    if (deadline < this.#timerEnd) this.#setTimer(deadline);
  }

  remove(sleeper: Sleeper): void {
    if (this.#sleeping.delete(sleeper) && this.#sleeping.size === 0) {
      this.#doorbell.keepAlive(false);
    }
  }

  /** Somebody has rung. */
  look(): void {
    for (const sleeper of this.#sleeping) sleeper.look();
  }

  /**
   * This isolate has woken another one, whose answer may come before the event loop could tell. What
   * runs now goes on first: it may have more to send, or begin to wait.
   */
  expect(): void {
    const count = this.#sleeping.size;
    if (count === 0 || count > MOST_TO_WATCH || this.#expecting) return;
    this.#expecting = true;
    queueMicrotask(this.#spin);
  }

  /** Looks for a moment, awake, for what this isolate waits for: nobody has to ring then. */
  readonly #spin = (): void => {
    this.#expecting = false;
    this.look();
    const sleeping = [...this.#sleeping];
    if (sleeping.length === 0) return;
    for (const sleeper of sleeping) sleeper.rise();
    this.#spinner.spin({ attempt: () => sleeping.some((each) => each.isDue) || undefined });
    for (const sleeper of sleeping) sleeper.sleepOn();
  };

  /**
   * The timer stays when the waits are over, since most are followed by another one, and setting it
   * costs as much as a wake-up. It keeps no program alive.
   */
  #setTimer(deadline: number): void {
    clearTimeout(this.#timer);
    this.#timerEnd = deadline;
    const timer = setTimeout(this.#endLate, Math.max(0, deadline - performance.now()));
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  readonly #endLate = (): void => {
    this.#timerEnd = Infinity;
    const now = performance.now();
    let next = Infinity;
    for (const sleeper of this.#sleeping) next = Math.min(next, sleeper.endLate(now));
    if (next < this.#timerEnd) this.#setTimer(next);
  };
}

/** This isolate in one table. */
export class Sleeper {
  readonly #all: RungWaits;
  readonly #number: number;
  /** Undefined if it has none. */
  readonly #slot: number | undefined;
  readonly #waits = new Set<Wait>();
  #cells!: Int32Array;

  constructor(all: RungWaits, number: number, slot: number | undefined) {
    this.#all = all;
    this.#number = number;
    this.#slot = slot;
  }

  /**
   * As {@linkcode Words.wait}.
   *
   * @returns undefined if the caller has to wait for the word itself
   */
  wait(
    cells: Int32Array,
    index: number,
    expected: number,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<WaitResult> | undefined {
    if (signal?.aborted) return Promise.reject(signal.reason);
    // Before the slot says again that this isolate sleeps: whoever has rung did so for these.
    this.look();
    this.#cells = cells;
    if (this.#slot === undefined || !fallAsleep(cells, this.#slot, this.#number)) return undefined;
    // Pairs with the exchange in `RingMemory.wake`, after which `Ropes.ring` looks at the slot.
    if (Atomics.load(cells, index) !== expected) {
      this.#riseIfIdle();
      return Promise.resolve("not-equal");
    }
    return this.#begin({ index, expected, deadline: performance.now() + timeoutMs }, signal);
  }

  #begin(what: Omit<Wait, "settle">, signal: AbortSignal | undefined): Promise<WaitResult> {
    const { promise, resolve, reject } = Promise.withResolvers<WaitResult>();
    const abort = (): void => {
      this.#end([wait]);
      reject(signal!.reason);
    };
    const settle = (result: WaitResult): void => {
      if (signal !== undefined) removeEnd(signal, abort);
      resolve(result);
    };
    const wait = { ...what, settle };
    if (signal !== undefined) addEnd(signal, abort);
    this.#waits.add(wait);
    this.#all.add(this, what.deadline);
    return promise;
  }

  /** Whether nobody has rung; in memory that was closed or moved, nobody can tell. */
  get #sleeps(): boolean {
    return this.#cells.length > 0 && isAsleep(this.#cells, this.#slot!, this.#number);
  }

  /** Whether a word has changed that somebody waits for. */
  get isDue(): boolean {
    for (const { index, expected } of this.#waits) {
      if (Atomics.load(this.#cells, index) !== expected) return true;
    }
    return false;
  }

  rise(): void {
    rise(this.#cells, this.#slot!, this.#number);
  }

  /** Sleeps again, unless there is something to do; in the order of `wait`. */
  sleepOn(): void {
    if (fallAsleep(this.#cells, this.#slot!, this.#number) && !this.isDue) return;
    this.rise();
    this.look();
  }

  /** Ends the waits if somebody has rung. */
  look(): void {
    if (this.#waits.size === 0 || this.#sleeps) return;
    const waits = [...this.#waits];
    this.#end(waits);
    for (const { settle } of waits) settle("ok");
  }

  /** Ends the waits whose time is up. @returns when the next one's is */
  endLate(now: number): number {
    this.look();
    const late = [...this.#waits].filter(({ deadline }) => deadline <= now);
    this.#end(late);
    for (const { settle } of late) settle("timed-out");
    return Math.min(...Array.from(this.#waits, ({ deadline }) => deadline));
  }

  #end(waits: readonly Wait[]): void {
    for (const wait of waits) this.#waits.delete(wait);
    this.#riseIfIdle();
  }

  #riseIfIdle(): void {
    if (this.#waits.size > 0) return;
    this.#all.remove(this);
    if (this.#cells.length > 0) this.rise();
  }
}
