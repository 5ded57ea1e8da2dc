/** A process that changes a cache until it is killed, and what has to be there then. */

import { MmapRegion } from "@mmap/mmap";
import { SharedCache } from "@mmap/mmap/collections";
import { Futex } from "@mmap/mmap/sync";
import { assert, assertEquals } from "@std/assert";

/** Words of the region before the cache. */
export const TARGET = 0, COUNTED = 1, BELL_OFFSET = 64;
export const CACHE_OFFSET = 65536;

/** How many keys there are, of which not all fit. */
export const KEYS = 3000;

/** A value that tells its key, of a length that differs. */
export function valueFor(key: number, step: number): Uint8Array<ArrayBuffer> {
  const length = key === 1 ? 400 : (Math.imul(key ^ step, 0x9e3779b1) >>> 8) % 400;
  const value = new Uint8Array(8 + length);
  new DataView(value.buffer).setInt32(0, key);
  value.fill(step, 4);
  return value;
}

/** Whether a value is one of a key, and whole. */
export function isWhole(key: number, value: Uint8Array): boolean {
  const { buffer, byteOffset, length } = value;
  if (length < 8 || new DataView(buffer, byteOffset).getInt32(0) !== key) return false;
  for (let i = 5; i < length; i++) if (value[i] !== value[4]) return false;
  return true;
}

/** The cache, which lies behind the words. */
function open(region: MmapRegion): { cache: SharedCache; part: MmapRegion } {
  const byteLength = region.byteLength - CACHE_OFFSET;
  const part = MmapRegion.attach({ ...region.handle(), byteOffset: CACHE_OFFSET, byteLength });
  return { cache: SharedCache.open(part), part };
}

/** Rings the bell after TARGET steps, and never ends. */
export function live(region: MmapRegion): never {
  const { cache } = open(region);
  const words = region.view(Int32Array, 0, 16);
  const bell = new Futex(region, BELL_OFFSET);
  for (let step = 1;; step++) {
    const key = Math.imul(step ^ Deno.pid, 0x9e3779b1) >>> 8;
    cache.set(`key ${key % KEYS}`, valueFor(key % KEYS, step));
    cache.get(`key ${(key >> 3) % KEYS}`);
    if (step % 7 === 0) cache.delete(`key ${(key >> 5) % KEYS}`);
    // Used often, so that nothing but a death can take it.
    cache.getEntry("counted");
    cache.getEntry("list");
    words[COUNTED] = cache.increment("counted");
    cache.update("list", (list) => new Uint8Array((list?.length ?? 0) % 500 + 1).fill(3));
    if (step === words[TARGET]) {
      bell.store(1);
      bell.wake();
    }
  }
}

/** Looks at everything after a death. */
export function checkAll(region: MmapRegion): void {
  const { cache, part } = open(region);
  using _part = part;
  using _cache = cache;
  const counted = region.view(Int32Array, 0, 16)[COUNTED]!;
  const { buffer, byteOffset } = cache.get("counted")!;
  const found = new DataView(buffer, byteOffset).getFloat64(0, true);
  // One more may have been counted than was told.
  assert(found === counted || found === counted + 1, `${found} of ${counted}`);
  assert(cache.get("list")!.every((byte) => byte === 3));
  let entries = 0;
  for (const [key, value] of cache) {
    if (key === "counted" || key === "list") continue;
    assert(isWhole(Number(`${key}`.slice(4)), value), `${key}`);
    entries++;
  }
  assert(entries > 0);
  assertEquals(cache.set("key 1", valueFor(1, 1)), true);
  assertEquals(cache.get("key 1"), valueFor(1, 1));
}
