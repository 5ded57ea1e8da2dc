/** Keeps plain accesses on their side of atomic ones. */

/** Nobody else sees it: a shared one would go from processor to processor at each call. */
const own = new Int32Array(new SharedArrayBuffer(4));

/**
 * Reads a word after everything that this thread read or wrote before, plain accesses too. An atomic
 * load alone may be done before earlier plain reads are: on arm64 it is an `ldar`. But nothing earlier
 * passes an atomic store (`stlr`), and no atomic load passes an earlier atomic store. On x86-64 loads
 * keep their order anyway.
 */
export function loadAfter(cells: Int32Array, index: number): number {
  Atomics.store(own, 0, 0);
  return Atomics.load(cells, index);
}

/**
 * What this thread did before is done before whatever it does after, plain accesses too. An atomic
 * store alone may be passed by later plain writes; but nothing later passes an atomic load.
 */
export function fence(): void {
  loadAfter(own, 0);
}
