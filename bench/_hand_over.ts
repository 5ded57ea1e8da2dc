/**
 * Hand-overs between two processes. A word counts the turns: at an even number it is the first one's
 * turn, at an odd one the second one's, and a negative one is the end.
 */

import type { MmapRegion } from "@mmap/mmap";
import { Futex, Semaphore } from "@mmap/mmap/sync";

/** Whose turn it is: the lowest bit of the word. */
export const FIRST = 0;
export const SECOND = 1;

/** The value that ends it. */
const END = -0x80000000;

/** Ends the other one's turns. */
export function end(region: MmapRegion): void {
  const futex = new Futex(region);
  futex.store(END);
  futex.wake();
}

/** Takes turns, and sleeps in the kernel while it is the other one's. @returns false at the end */
export function blockingTurns(futex: Futex, parity: number, times = Infinity): boolean {
  for (let i = 0; i < times; i++) {
    let turn = futex.load();
    for (; (turn & 1) !== parity && turn >= 0; turn = futex.load()) futex.waitSync(turn);
    if (turn < 0) return false;
    futex.store(turn + 1);
    futex.wake();
  }
  return true;
}

/** As `blockingTurns`, without blocking the event loop. */
export async function awaitedTurns(futex: Futex, parity: number, times = Infinity): Promise<void> {
  for (let i = 0; i < times; i++) {
    let turn = futex.load();
    for (; (turn & 1) !== parity && turn >= 0; turn = futex.load()) await futex.wait(turn);
    if (turn < 0) return;
    futex.store(turn + 1);
    futex.wake();
  }
}

/** As `blockingTurns`, without sleeping at all. */
export function spinningTurns(cells: Int32Array, parity: number, times: number): void {
  for (let i = 0; i < times; i++) {
    let turn = Atomics.load(cells, 0);
    while ((turn & 1) !== parity) turn = Atomics.load(cells, 0);
    Atomics.store(cells, 0, turn + 1);
  }
}

/** The turns that `spinningTurns` takes at a time; in between both sleep. */
export const SPINNING_TIMES = 50_000;

/** Where the word of `spinningTurns` is: not in the cache line of the other one. */
export function spinningCells(region: MmapRegion): Int32Array {
  return region.view(Int32Array, 64, 1);
}

/** Hands permits over and back. */
export class SemaphorePair {
  readonly to: Semaphore;
  readonly back: Semaphore;
  readonly stop: Futex;

  constructor(region: MmapRegion) {
    this.to = new Semaphore(region, 0);
    this.back = new Semaphore(region, 64);
    this.stop = new Futex(region, 128);
  }

  /** The first one's part. */
  call(times: number): void {
    for (let i = 0; i < times; i++) {
      this.to.release();
      this.back.acquireSync();
    }
  }

  /** The second one's part, until the first one has ended it. */
  answer(): void {
    while (true) {
      this.to.acquireSync();
      if (this.stop.load() !== 0) return;
      this.back.release();
    }
  }

  /** Ends the second one's part. */
  end(): void {
    this.stop.store(1);
    this.to.release();
  }
}
