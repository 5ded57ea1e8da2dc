/** What the tests of caches have in common. */

import { MmapRegion } from "@mmap/mmap";
import { SharedCache, type SharedCacheOptions } from "@mmap/mmap/collections";

export const MIB: number = 2 ** 20;

/** A cache in memory of its own, which is given to `use` with its region. */
export async function withCache<T = Uint8Array>(
  options: SharedCacheOptions<T> & { byteLength?: number },
  use: (cache: SharedCache<T>, region: MmapRegion) => unknown,
): Promise<void> {
  using region = MmapRegion.anonymous(options.byteLength ?? MIB);
  using cache = SharedCache.open(region, options);
  await use(cache, region);
}

/** A clock that the test sets, in place of `Date.now` until it is disposed of. */
export class Clock implements Disposable {
  static readonly #real = Date.now;
  now = 1_000_000;

  constructor() {
    Date.now = () => this.now;
  }

  [Symbol.dispose](): void {
    Date.now = Clock.#real;
  }
}

/** A value of so many bytes that tells what it belongs to. */
export function valueOf(number: number, byteLength: number): Uint8Array<ArrayBuffer> {
  const value = new Uint8Array(byteLength);
  let state = Math.imul(number + 1, 0x9e3779b1);
  for (let i = 0; i < byteLength; i++) {
    state = Math.imul(state, 1103515245) + 12345 | 0;
    value[i] = state >>> 16;
  }
  return value;
}

/** Which keys of `key 0` to `key (count - 1)` are not there. */
export function missingOf(cache: SharedCache<Uint8Array>, count: number): number[] {
  return Array.from({ length: count }, (_, i) => i).filter((i) => !cache.has(`key ${i}`));
}
