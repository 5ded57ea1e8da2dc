/** The same numbers and hashes in all processes. */

/** Numbers of 32 bits without end. */
export function* randomOf(seed: number): Generator<number, never> {
  for (let x = seed + 1;;) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    yield x >>> 0;
  }
}

/** A hash of 32 bits. */
export function hashOf(bytes: Uint8Array): number {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
  let hash = bytes.length;
  for (let i = 0; i < words.length; i++) {
    hash = Math.imul(hash ^ words[i]!, 0x01000193) ^ (hash >>> 15);
  }
  for (let i = words.length * 4; i < bytes.length; i++) {
    hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  }
  return hash >>> 0;
}
