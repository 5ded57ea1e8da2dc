/** The keys and values that maps are measured with. */

/** The length of a key, in bytes. */
export const KEY_BYTE_LENGTH = 16;
/** The length of a value, in bytes. */
export const VALUE_BYTE_LENGTH = 32;

/** A key, such as "session:00001234". */
export function keyOf(i: number): string {
  return `session:${String(i).padStart(8, "0")}`;
}

/** A value that tells its key. */
export function valueOf(i: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(VALUE_BYTE_LENGTH).fill(i);
}

/** What look-ups ask for: every key once, in no order that a cache would like. */
export function shuffledKeys(count: number): string[] {
  const keys = Array.from({ length: count }, (_, i) => keyOf(i));
  let state = 1;
  for (let i = count - 1; i > 0; i--) {
    state = Math.imul(state, 1103515245) + 12345 >>> 0;
    const j = state % (i + 1);
    [keys[i], keys[j]] = [keys[j]!, keys[i]!];
  }
  return keys;
}
