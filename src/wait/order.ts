/**
 * The order of plain accesses to shared memory, which JavaScript promises for atomic ones alone. An
 * atomic load is a call of 9 ns in V8, a plain one takes less than one; a look-up makes many.
 *
 * x86-64 keeps reads in order among reads and writes among writes, and V8 neither moves an access to a
 * typed array across another one or across an atomic one, nor leaves out a second read of a word with
 * an atomic one between. There a plain read will do. arm64 keeps no such order: there reads that
 * others depend on are atomic ones (LDAR), which keep back all accesses behind them. An atomic store
 * (STLR) waits for all before it, and LDAR does not pass an earlier STLR: the two together, on a word
 * of this isolate's own, are a full fence.
 */

import { STORES_IN_ORDER } from "../os/mod.ts";

/** Nobody else sees it: a shared one would go from processor to processor at each call. */
const own = new Int32Array(new SharedArrayBuffer(4));

/** Reads a word before all that is read behind this. */
export function readFirst(words: Int32Array, index: number): number {
  return STORES_IN_ORDER ? words[index]! : Atomics.load(words, index);
}

/**
 * Reads a word after everything that this thread read or wrote before, plain accesses too. An atomic
 * load alone may be done before earlier plain reads are.
 */
export function loadAfter(words: Int32Array, index: number): number {
  Atomics.store(own, 0, 0);
  return Atomics.load(words, index);
}

/** All accesses before it come before all behind it, where only reads or only writes matter. */
export function fence(): void {
  if (!STORES_IN_ORDER) loadAfter(own, 0);
}
