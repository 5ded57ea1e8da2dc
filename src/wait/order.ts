/**
 * The order of plain accesses to shared memory. JavaScript promises an order for atomic accesses
 * only. An atomic load is a call of 9 ns in V8, a plain one takes less than one; a look-up makes
 * many.
 *
 * x86-64 keeps reads in order among reads and writes among writes, and V8 does not move an access
 * to a typed array across another one or across an atomic one. Nor does it omit a second read of a
 * word if an atomic access is between. So a plain read is enough there. arm64 keeps no such order:
 * there, reads on which others depend are atomic (LDAR), which holds back all later accesses. An
 * atomic store (STLR) waits for all earlier accesses, and LDAR does not pass an earlier STLR: the
 * two together, on a word of this isolate's own, are a full fence.
 */

import { STORES_IN_ORDER } from "../os/mod.ts";

/** No other isolate uses it: a shared word would move between processors at each call. */
const own = new Int32Array(new SharedArrayBuffer(4));

/**
 * Reads a word before all later reads, and after every earlier atomic store of this thread: that is
 * XCHG on x86-64, a full fence, and STLR on arm64.
 */
export function readFirst(words: Int32Array, index: number): number {
  return STORES_IN_ORDER ? words[index]! : Atomics.load(words, index);
}

/** Writes a word after all earlier reads and writes of this thread; later reads may come before it. */
export function writeLast(words: Int32Array, index: number, value: number): void {
  if (STORES_IN_ORDER) words[index] = value;
  else Atomics.store(words, index, value);
}

/**
 * Reads a word after all earlier reads and writes of this thread, including plain ones. An atomic
 * load alone may be performed before earlier plain reads.
 */
export function loadAfter(words: Int32Array, index: number): number {
  Atomics.store(own, 0, 0);
  return Atomics.load(words, index);
}

/**
 * Orders all earlier accesses before all later ones, where only reads or only writes matter. Who
 * reads a word a second time after it reads it atomically: see above.
 */
export function fence(): void {
  if (!STORES_IN_ORDER) loadAfter(own, 0);
}
