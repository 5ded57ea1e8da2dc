/** The work of sync_ratios.ts that one process does. */

import { MmapRegion } from "@mmap/mmap";
import { Futex, type Mutex, type RwLock } from "@mmap/mmap/sync";

/** Each a loop of its own, so that all are optimised alike. @returns how often the lock was got */
export type Pairs = (times: number) => number;

/** The least that a lock takes: an exchange to get it, an exchange to give it back. */
export function exchangePairs(cells: Int32Array): Pairs {
  return (times) => {
    let got = 0;
    for (let i = 0; i < times; i++) {
      if (Atomics.compareExchange(cells, 0, 0, 1) === 0) got++;
      Atomics.compareExchange(cells, 0, 1, 0);
    }
    return got;
  };
}

/** `lockSync` and `unlock`. */
export function lockPairs(mutex: Mutex): Pairs {
  return (times) => {
    let got = 0;
    for (let i = 0; i < times; i++) {
      const guard = mutex.lockSync();
      if (!guard.ownerDied) got++;
      guard.unlock();
    }
    return got;
  };
}

/** `tryLock` and `unlock`. */
export function tryLockPairs(mutex: Mutex): Pairs {
  return (times) => {
    let got = 0;
    for (let i = 0; i < times; i++) {
      const guard = mutex.tryLock();
      if (guard === null) continue;
      got++;
      guard.unlock();
    }
    return got;
  };
}

/** `readSync` and `unlock`. */
export function readPairs(lock: RwLock): Pairs {
  return (times) => {
    let got = 0;
    for (let i = 0; i < times; i++) {
      const guard = lock.readSync();
      if (!guard.ownerDied) got++;
      guard.unlock();
    }
    return got;
  };
}

/** `writeSync` and `unlock`. */
export function writePairs(lock: RwLock): Pairs {
  return (times) => {
    let got = 0;
    for (let i = 0; i < times; i++) {
      const guard = lock.writeSync();
      if (!guard.ownerDied) got++;
      guard.unlock();
    }
    return got;
  };
}

/** An object as large as a guard. */
class GuardTwin {
  readonly #one: unknown;
  readonly #two: number;
  #three: boolean;
  #four = true;

  constructor(one: unknown, three: boolean, two = 1) {
    this.#one = one;
    this.#two = two;
    this.#three = three;
  }

  get all(): boolean {
    return this.#one !== undefined && this.#two === 1 && this.#three && this.#four;
  }
}

const twins: GuardTwin[] = new Array(1).fill(undefined);

/** Makes as many objects as large as a guard. */
export function twinPairs(): Pairs {
  const one = {};
  return (times) => {
    let got = 0;
    for (let i = 0; i < times; i++) {
      twins[0] = new GuardTwin(one, true);
      if (twins[0].all) got++;
    }
    return got;
  };
}

/** Reads a file again and again. @returns the nanoseconds that one reading takes */
export async function timeReads(path: string, times: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < times; i++) await Deno.readFile(path);
  return (performance.now() - start) * 1e6 / times;
}

/** Runs `body` while so many waits for different words are pending. */
export async function whileWaiting<T>(count: number, body: () => Promise<T>): Promise<T> {
  using region = MmapRegion.anonymous(count * Futex.byteLength);
  const waiting = new AbortController();
  const waits = Array.from(
    { length: count },
    (_, i) => new Futex(region, i * Futex.byteLength).wait(0, { signal: waiting.signal }),
  );
  const settled = Promise.allSettled(waits);
  try {
    return await body();
  } finally {
    waiting.abort();
    await settled;
  }
}
