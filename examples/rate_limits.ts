/**
 * Two rate limits, each an atomic step in one 64-bit word of shared memory: all Workers and processes
 * that have the word count together, and exactly. A word of zeros is a limit that nobody has used.
 */

/** At most `limit` in a window, which the first one begins. The word holds its end and the count. */
export function fixedWindow(
  words: BigInt64Array,
  at: number,
  { limit, windowMs }: { limit: number; windowMs: number }, // fewer than 2^20
  now: number = Date.now(),
): boolean {
  for (;;) {
    const old = Atomics.load(words, at);
    const goesOn = old >> 20n > BigInt(now);
    const next = (goesOn ? old : BigInt(now + windowMs) << 20n) + 1n;
    if ((next & 0xfffffn) > BigInt(limit)) return false;
    if (Atomics.compareExchange(words, at, old, next) === old) return true;
  }
}

/**
 * One each `intervalMs`, and `burst` at once after a pause: GCRA, the generic cell rate algorithm.
 * The word holds the time at which all that was let through would have come at this rate.
 */
export function gcra(
  words: BigInt64Array,
  at: number,
  { intervalMs, burst }: { intervalMs: number; burst: number },
  now: number = Date.now(),
): boolean {
  for (;;) {
    const old = Atomics.load(words, at);
    const next = (old > BigInt(now) ? old : BigInt(now)) + BigInt(intervalMs);
    if (next > BigInt(now + intervalMs * burst)) return false;
    if (Atomics.compareExchange(words, at, old, next) === old) return true;
  }
}

/** The place of a client among `places`; two clients at one place share its limit. */
export function placeOf(client: string, places: number): number {
  let hash = 0x811c9dc5; // FNV-1a
  for (let i = 0; i < client.length; i++) {
    hash = Math.imul(hash ^ client.charCodeAt(i), 0x01000193) >>> 0;
  }
  return hash % places;
}
