/** Two neighbouring words, changed in one step. */

/** The words at an even index and the next one. */
export type Pair = readonly [first: number, second: number];

const halves = new Int32Array(2);
const whole = new BigInt64Array(halves.buffer);

/**
 * Changes a number and the fingerprint beside it, if both are unchanged. Two steps might combine
 * one holder's number with another's fingerprint.
 *
 * @param index even, so that the pair lies at a multiple of 8 bytes
 */
export function exchangePair(
  cells: Int32Array,
  index: number,
  expected: Pair,
  replacement: Pair,
): boolean {
  const pair = new BigInt64Array(cells.buffer, cells.byteOffset + 4 * index, 1);
  const before = join(expected);
  return Atomics.compareExchange(pair, 0, before, join(replacement)) === before;
}

/** Joins the two words in their order in memory. */
function join([first, second]: Pair): bigint {
  halves[0] = first;
  halves[1] = second;
  return whole[0]!;
}
