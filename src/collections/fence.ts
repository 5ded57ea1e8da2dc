/**
 * Keeps plain accesses to shared memory in their order, which JavaScript promises for atomic ones
 * alone. Needed where plain reads must come before an atomic load, or plain writes behind an atomic
 * store: the version of an entry around its bytes.
 *
 * x86-64 keeps reads in order among reads, and writes among writes, and V8 moves no access across an
 * atomic one: nothing is to be done. On arm64 an atomic store (STLR) waits for all accesses before it,
 * an atomic load (LDAR) keeps back all behind it, and LDAR does not pass an earlier STLR. So the two
 * together, on a word of this isolate's own, are a full fence.
 */

const word = new Int32Array(1);
const needed = Deno.build.arch !== "x86_64";

/** All accesses before it come before all behind it. */
export function fence(): void {
  if (!needed) return;
  Atomics.store(word, 0, 0);
  Atomics.load(word, 0);
}
