/**
 * Awaited waits for many words. macOS has no call for several, so a word has one of its own, on a thread
 * of the pool that Deno's file operations use. It stays parked as long as its word is waited for,
 * whatever becomes of the others.
 *
 * If there are more words than calls, those have one that began to wait last. The values of all are
 * looked at from time to time, less often the longer nothing happens. Who is not parked sees no wake-up
 * that changes no value.
 */

import type { ManyWaiting, WaitEntry } from "../waiting_system.ts";
import { waitOffThread, wakeAll } from "./ulock.ts";

/** Deno's pool has 32 threads for each isolate. */
const MOST_CALLS = 16;

/** A thread whose Worker was terminated is the pool's again after that time. */
const CALL_MS = 10_000;

const FIRST_LOOK_MS = 1;
const LAST_LOOK_MS = 1000;

/** A call that has not come back. */
interface Call {
  readonly expected: number;
  readonly end: Promise<void>;
}

export class ParkedCalls implements ManyWaiting {
  readonly capacity = Infinity;
  readonly #calls = new Map<number, Call>();
  /** The words whose calls were woken, and about which nobody was told so far. */
  readonly #woken = new Set<number>();
  #lookMs = FIRST_LOOK_MS;
  #count = 0;
  #goOn: (() => void) | undefined;
  #isInterrupted = false;

  async park(entries: readonly WaitEntry[], timeoutMs: number): Promise<number | undefined> {
    const parked = entries.slice(-MOST_CALLS);
    await this.#endOthers(parked);
    for (const entry of parked) this.#begin(entry);
    if (entries.length !== this.#count) this.#lookMs = FIRST_LOOK_MS; // the last look found something
    this.#count = entries.length;
    const isAll = parked.length === entries.length;
    const isTimeUp = await this.#untilSomethingHappens(
      isAll ? timeoutMs : Math.min(timeoutMs, this.#lookMs),
    );
    this.#lookMs = isTimeUp ? Math.min(2 * this.#lookMs, LAST_LOOK_MS) : FIRST_LOOK_MS;
    return this.#takeWoken(entries);
  }

  interrupt(): void {
    this.#isInterrupted = true;
    this.#goOn?.();
  }

  keepOnly(addresses: ReadonlySet<number>): Promise<void> {
    this.#passOn(addresses);
    return this.#end([...this.#calls].filter(([address]) => !addresses.has(address)));
  }

  #begin({ address, expected }: WaitEntry): void {
    if (this.#calls.has(address)) return;
    const end = waitOffThread(BigInt(address), expected, CALL_MS).then((isWoken) => {
      this.#calls.delete(address);
      if (isWoken) this.#woken.add(address);
      this.#goOn?.();
    });
    this.#calls.set(address, { expected, end });
  }

  /** Until a call comes back, the time is up, or somebody interrupts. @returns whether it is up */
  async #untilSomethingHappens(timeoutMs: number): Promise<boolean> {
    let isTimeUp = false;
    if (!this.#isInterrupted && this.#woken.size === 0) {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      this.#goOn = () => resolve(false);
      const timer = setTimeout(() => resolve(true), timeoutMs);
      isTimeUp = await promise;
      clearTimeout(timer);
      this.#goOn = undefined;
    }
    this.#isInterrupted = false;
    return isTimeUp;
  }

  /** One of the words that were woken. Who is told of it looks at all of them. */
  #takeWoken(entries: readonly WaitEntry[]): number | undefined {
    for (const address of this.#woken) {
      this.#woken.delete(address);
      const index = entries.findIndex((entry) => entry.address === address);
      if (index !== -1) return index;
    }
    return undefined;
  }

  /** Ends the calls for all but these words and values. */
  #endOthers(wanted: readonly WaitEntry[]): Promise<void> {
    const values = new Map(wanted.map(({ address, expected }) => [address, expected]));
    this.#passOn(values);
    return this.#end(
      [...this.#calls].filter(([address, { expected }]) => values.get(address) !== expected),
    );
  }

  /**
   * Wakes whoever else sleeps on a word that was woken for nobody here: the wake-up may have been meant
   * for one of them.
   */
  #passOn(wanted: { has(address: number): boolean }): void {
    for (const address of this.#woken) {
      if (wanted.has(address)) continue;
      this.#woken.delete(address);
      wakeAll(BigInt(address));
    }
  }

  /** Ends some calls, and for nothing the sleep of others on their words, as may always be. */
  async #end(calls: readonly [address: number, Call][]): Promise<void> {
    if (calls.length === 0) return;
    const all = Promise.all(calls.map(([, { end }]) => end));
    for (let left = calls; left.length > 0; left = left.filter(([at]) => this.#calls.has(at))) {
      for (const [address] of left) wakeAll(BigInt(address));
      await soonOr(all); // a call that had not begun to wait has missed it
    }
    for (const [address] of calls) this.#woken.delete(address);
  }
}

const SOON_MS = 1;

async function soonOr(other: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, SOON_MS);
  await Promise.race([promise, other]);
  clearTimeout(timer);
}
