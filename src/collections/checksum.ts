/**
 * XXH32, the 32-bit xxHash, over memory that begins at a multiple of 4 bytes.
 *
 * Chosen because it is the quickest good one that JavaScript can compute: four lanes of 32-bit
 * multiplications that do not wait for each other, 31 ns for 100 bytes, where a table-driven CRC-32C
 * needs a dependent look-up for each byte or holds tables of 8 KiB in the cache. A torn or stale
 * record goes unseen once in 2^32 times.
 *
 * @see https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
 */

const PRIME_1 = 0x9e3779b1 | 0;
const PRIME_2 = 0x85ebca77 | 0;
const PRIME_3 = 0xc2b2ae3d | 0;
const PRIME_4 = 0x27d4eb2f | 0;
const PRIME_5 = 0x165667b1 | 0;

/**
 * The checksum of `byteLength` bytes that begin at the word `at`.
 *
 * @returns a signed 32-bit number
 */
export function checksum(words: Int32Array, at: number, byteLength: number, seed: number): number {
  const end = at + (byteLength >>> 2);
  let i = at;
  let hash = seed + PRIME_5 | 0;
  if (byteLength >= 16) {
    let a = seed + PRIME_1 + PRIME_2 | 0;
    let b = seed + PRIME_2 | 0;
    let c = seed | 0;
    let d = seed - PRIME_1 | 0;
    for (const last = end - 4; i <= last; i += 4) {
      a = round(a, words[i]!);
      b = round(b, words[i + 1]!);
      c = round(c, words[i + 2]!);
      d = round(d, words[i + 3]!);
    }
    hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18) | 0;
  }
  hash = hash + byteLength | 0;
  for (; i < end; i++) {
    hash = Math.imul(rotate(hash + Math.imul(words[i]!, PRIME_3) | 0, 17), PRIME_4);
  }
  for (let rest = byteLength & 3, word = words[i]!; rest > 0; rest--, word >>>= 8) {
    hash = Math.imul(rotate(hash + Math.imul(word & 0xff, PRIME_5) | 0, 11), PRIME_1);
  }
  return avalanche(hash);
}

function round(lane: number, word: number): number {
  return Math.imul(rotate(lane + Math.imul(word, PRIME_2) | 0, 13), PRIME_1);
}

function rotate(word: number, bits: number): number {
  return word << bits | word >>> 32 - bits;
}

function avalanche(hash: number): number {
  hash = Math.imul(hash ^ hash >>> 15, PRIME_2);
  hash = Math.imul(hash ^ hash >>> 13, PRIME_3);
  return hash ^ hash >>> 16;
}
