/** Opening a cache, or making it. */

import { checkOptions, flag } from "../../check/options.ts";
import { optionalNumber } from "../../check/numbers.ts";
import { backingOf, type MmapRegion } from "../../region/mmap_region.ts";
import { reserve } from "../../region/reserve.ts";
import { type KnownCodec, knownCodec } from "../codec.ts";
import type { Fresh } from "../collection_file.ts";
import { openPlace, type Place } from "../place.ts";
import {
  cacheHeader,
  cacheLayoutOf,
  type CacheWishes,
  checkCacheWishes,
  layOutCache,
  readCacheWishes,
} from "./cache_geometry.ts";
import { CACHE_SEED } from "./cache_layout.ts";
import { lifetime, OPEN_CACHE, type SharedCacheOptions } from "./cache_options.ts";
import { CacheCore } from "./core.ts";

/** An open cache, and how a view of it is to be made. */
export interface OpenedCache<T> {
  readonly core: CacheCore;
  readonly place: Place;
  readonly codec: KnownCodec<T>;
  readonly ttl: number;
  readonly local: number;
}

/** How many decoded values to keep. @throws {TypeError} @throws {RangeError} */
export function localCount(value: unknown, action: string): number {
  return optionalNumber(value, "local", action, 0, 2 ** 24) ?? 0;
}

/** See `SharedCache.open`. */
export function openCache<T>(
  target: string | URL | MmapRegion,
  options: SharedCacheOptions<T>,
): OpenedCache<T> {
  const action = "open cache";
  checkOptions(options as SharedCacheOptions, OPEN_CACHE, action);
  const create = flag(options.create, "create", action, false);
  const pooled = flag(options.pooled, "pooled", action, false);
  const ttl = lifetime(options.ttl, "ttl", action, Infinity);
  const local = localCount(options.local, action);
  const codec = knownCodec(options.codec, action);
  const wishes = readCacheWishes(options, action);
  const fresh = (available?: number): Fresh => freshCache(wishes, codec.kind, available, action);
  const place = openPlace({ target, kind: "cache", action, writable: true, create, fresh });
  try {
    const { region, header } = place;
    const layout = cacheLayoutOf(header, region.byteLength, action);
    checkCacheWishes(wishes, layout, action);
    if (header.layout[0] !== codec.kind[0] || header.layout[1] !== codec.kind[1]) {
      throw new Deno.errors.AlreadyExists(`Cannot ${action}: its values have another codec`);
    }
    reserve(backingOf(region), 0, layout.byteLength);
    return { core: new CacheCore(region, layout, pooled), place, codec, ttl, local };
  } catch (error) {
    if (place.owned) place.region.close();
    throw error;
  }
}

function freshCache(
  wishes: CacheWishes,
  codec: readonly [number, number],
  available: number | undefined,
  action: string,
): Fresh {
  const layout = layOutCache(wishes, available, action);
  const fill = (words: Int32Array): void => {
    words[CACHE_SEED] = crypto.getRandomValues(new Int32Array(1))[0]!;
  };
  return { header: cacheHeader(layout, codec), byteLength: layout.byteLength, fill };
}
