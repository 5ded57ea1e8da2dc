/** Streams of keys that caches are measured with, as numbers. */

/** Numbers from 0 to 1 that look random: xorshift. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Ranks of which the first is the most frequent one: Zipf's law. */
function zipf(keys: number, alpha: number, random: () => number): () => number {
  const sums = new Float64Array(keys);
  let sum = 0;
  for (let i = 0; i < keys; i++) sums[i] = sum += 1 / (i + 1) ** alpha;
  return () => {
    const wanted = random() * sum;
    let low = 0;
    let high = keys - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** A stream of requests, and for how many entries the cache has room. */
export interface Stream {
  readonly name: string;
  readonly entries: number;
  /** The next requests, always the same ones. */
  keys(count: number): Uint32Array;
}

function stream(name: string, entries: number, next: (i: number) => number): Stream {
  return { name, entries, keys: (count) => Uint32Array.from({ length: count }, (_, i) => next(i)) };
}

/** All of them. */
export function* streams(): Generator<Stream> {
  const random = randomFrom(88172645);
  const steep = zipf(1_000_000, 1, random);
  yield stream("Zipf 1.0", 10_000, steep);
  const flat = zipf(1_000_000, 0.8, random);
  yield stream("Zipf 0.8", 10_000, flat);
  yield stream("Zipf 0.8, large", 100_000, flat);
  const middle = zipf(500_000, 0.9, random);
  yield stream(
    "Zipf 0.9, 30 % of keys once",
    50_000,
    (i) => random() < 0.3 ? 1_000_000 + i : middle(),
  );
  yield stream(
    "Zipf 0.9, and a scan of 30,000 again and again",
    50_000,
    (i) => i % 100_000 < 70_000 ? middle() : 1_000_000 + i % 100_000,
  );
  yield stream(
    "Zipf 0.9, drifting",
    50_000,
    (i) => (middle() + Math.floor(i / 30)) % 1_000_000,
  );
  yield stream("a loop of 60,000", 50_000, (i) => i % 60_000);
}
