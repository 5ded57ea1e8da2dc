/** Keeps plain accesses on their side of atomic ones. */

/** Nobody else sees it. */
const cells = new Int32Array(new SharedArrayBuffer(4));

/**
 * Whatever this thread read or wrote before is done before whatever it reads or writes after, plain
 * accesses too. An atomic store alone lets later plain ones pass it, and an atomic load earlier ones:
 * so they are compiled on arm64, to `stlr` and `ldar`. But nothing earlier passes the store, nothing
 * later the load, and the two stay in order. On x86-64 the store is a full barrier by itself.
 *
 * The words are this thread's own: a shared one would go from processor to processor at each call.
 */
export function fence(): void {
  Atomics.store(cells, 0, 0);
  Atomics.load(cells, 0);
}
