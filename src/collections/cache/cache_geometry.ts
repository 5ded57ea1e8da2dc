/** The sizes of a cache, and where its parts lie. */

import { optionalNumber, wholeNumber } from "../../check/numbers.ts";
import { alignDown, alignUp } from "../../mapping/pages.ts";
import { type Header, invalid } from "../header.ts";
import {
  BUCKET_LENGTH,
  CELLS,
  CONTROL_BYTE_LENGTH,
  CONTROLS_BYTE_OFFSET,
  GHOSTS,
  KEY,
  LEAST_UNITS,
  UNIT,
} from "./cache_layout.ts";

const LEAST_BYTE_LENGTH = 65536;
const MOST_BYTE_LENGTH = 2 ** 32;
const MOST_SHARDS = 64;
const SHARD_BYTE_LENGTH = 4 * 2 ** 20;
const AVERAGE_BYTE_LENGTH = 256;
/** Of a shard: so many of the largest entries fit into it, at least. */
const LARGEST_PER_SHARD = 6;
/** Cells for each entry of average length. */
const CELLS_PER_ENTRY = 2;
/** What an entry takes beside its key and value: the header, and on average the padding. */
const OVERHEAD = 4 * KEY + 12;
/** The cells and ghosts of a bucket, in bytes. */
const BUCKET_BYTE_LENGTH = 4 * (BUCKET_LENGTH + GHOSTS);

/** The sizes that a cache is created with. */
interface CacheGeometry {
  readonly byteLength: number;
  readonly shards: number;
  readonly buckets: number;
  readonly maxEntryByteLength: number;
}

/** The offsets of all parts. */
export interface CacheLayout extends CacheGeometry {
  /** In bytes, from the beginning of the cache: the controls of a shard. */
  readonly controls: (shard: number) => number;
  /** In words, from the beginning of the cache: a shard. */
  readonly shard: (shard: number) => number;
  /** In words, from the beginning of a shard. */
  readonly ghosts: number;
  readonly uses: number;
  readonly data: number;
  /** In units. */
  readonly smallUnits: number;
  readonly mainUnits: number;
}

function shardByteLength(byteLength: number, shards: number): number {
  return alignDown((byteLength - CONTROLS_BYTE_OFFSET) / shards - CONTROL_BYTE_LENGTH, 64);
}

function layOut(geometry: CacheGeometry): CacheLayout {
  const { byteLength, shards, buckets } = geometry;
  const whole = shardByteLength(byteLength, shards);
  const first = CONTROLS_BYTE_OFFSET + CONTROL_BYTE_LENGTH * shards;
  const ghosts = buckets * BUCKET_LENGTH;
  const uses = ghosts + alignUp(buckets * GHOSTS, 16);
  const left = whole - 4 * uses - 64;
  const dataUnits = alignDown(Math.floor(left * 64 / 65 / UNIT), LEAST_UNITS);
  const data = alignUp(uses + dataUnits / LEAST_UNITS / 4, 16);
  const smallUnits = alignDown(dataUnits / 10, LEAST_UNITS);
  return {
    ...geometry,
    controls: (shard) => CONTROLS_BYTE_OFFSET + CONTROL_BYTE_LENGTH * shard,
    shard: (shard) => (first + whole * shard) / 4,
    ghosts,
    uses,
    data,
    smallUnits,
    mainUnits: dataUnits - smallUnits,
  };
}

function bucketsOf(byteLength: number, shards: number, average: number): number {
  const whole = shardByteLength(byteLength, shards);
  const wanted = whole / (average + OVERHEAD) * CELLS_PER_ENTRY / CELLS;
  return Math.max(1, Math.floor(Math.min(wanted, whole / 4 / BUCKET_BYTE_LENGTH)));
}

/** What a caller asked for; undefined stands for the cache's own, or the default of a new one. */
export interface CacheWishes {
  readonly byteLength: number | undefined;
  readonly shards: number | undefined;
  readonly averageEntryByteLength: number | undefined;
  readonly maxEntryByteLength: number | undefined;
}

/** @throws {TypeError} @throws {RangeError} */
export function readCacheWishes(
  options: { readonly [Name in keyof CacheWishes]?: number },
  action: string,
): CacheWishes {
  const wish = (name: keyof CacheWishes, least: number, most: number): number | undefined =>
    optionalNumber(options[name], name, action, least, most);
  return {
    byteLength: wish("byteLength", LEAST_BYTE_LENGTH, MOST_BYTE_LENGTH),
    shards: wish("shards", 1, MOST_SHARDS),
    averageEntryByteLength: wish("averageEntryByteLength", 1, MOST_BYTE_LENGTH),
    maxEntryByteLength: wish("maxEntryByteLength", 1, MOST_BYTE_LENGTH),
  };
}

/**
 * The layout of a new cache.
 *
 * @param available the length of the region; undefined for a file
 * @throws {RangeError} If there is no length, or the region or a shard is too short.
 */
export function layOutCache(
  wishes: CacheWishes,
  available: number | undefined,
  action: string,
): CacheLayout {
  const byteLength = wishes.byteLength ?? available;
  if (byteLength === undefined) {
    throw new RangeError(`Cannot ${action} as a new file needs a byteLength`);
  }
  if (byteLength > (available ?? Infinity)) {
    throw new RangeError(
      `Cannot ${action} as the region of ${available} bytes is too short: ${byteLength} are needed`,
    );
  }
  if (byteLength < LEAST_BYTE_LENGTH || byteLength > MOST_BYTE_LENGTH) {
    throw new RangeError(
      `Cannot ${action} as it must have ${LEAST_BYTE_LENGTH} to ${MOST_BYTE_LENGTH} bytes: ` +
        `received ${byteLength}`,
    );
  }
  const { averageEntryByteLength = AVERAGE_BYTE_LENGTH, maxEntryByteLength } = wishes;
  const fitting = Math.floor(byteLength / 8 / (maxEntryByteLength ?? 1));
  const usual = Math.floor(Math.min(MOST_SHARDS, byteLength / SHARD_BYTE_LENGTH, fitting));
  const shards = wishes.shards ?? Math.max(1, usual);
  const whole = shardByteLength(byteLength, shards);
  const longest = maxEntryByteLength ?? Math.floor(whole / 8);
  if (whole < 4096 || longest > whole / LARGEST_PER_SHARD) {
    const most = Math.max(0, Math.floor(whole / LARGEST_PER_SHARD));
    throw new RangeError(
      `Cannot ${action} as a shard must have 4096 bytes, and ${LARGEST_PER_SHARD} times the ` +
        `longest entry: received shards of ${whole} bytes, so maxEntryByteLength is at most ${most}`,
    );
  }
  const buckets = bucketsOf(byteLength, shards, averageEntryByteLength);
  return layOut({ byteLength, shards, buckets, maxEntryByteLength: longest });
}

/**
 * How long a cache must be for so many entries of an average length, key included.
 *
 * @throws {TypeError} @throws {RangeError}
 */
export function cacheByteLength(
  entries: unknown,
  averageEntryByteLength: unknown = AVERAGE_BYTE_LENGTH,
): number {
  const action = "size cache";
  const count = wholeNumber(entries, "entries", action, 1, 2 ** 30);
  const average = wholeNumber(averageEntryByteLength, "averageEntryByteLength", action, 1, 2 ** 30);
  const perEntry = average + OVERHEAD + BUCKET_BYTE_LENGTH * CELLS_PER_ENTRY / CELLS;
  // Shards are not filled evenly, nor are rings to the last byte; few entries, less so.
  const room = count + 4 * Math.sqrt(count) + 8;
  const bytes = room * perEntry * 65 / 64 * 1.06;
  const shards = Math.ceil(bytes / SHARD_BYTE_LENGTH);
  return alignUp(
    Math.max(LEAST_BYTE_LENGTH, bytes + CONTROLS_BYTE_OFFSET + CONTROL_BYTE_LENGTH * shards),
    4096,
  );
}

/** The header of such a cache. */
export function cacheHeader(layout: CacheLayout, codec: readonly [number, number]): Header {
  const { byteLength, shards, buckets, maxEntryByteLength } = layout;
  return {
    kind: "cache",
    geometry: [byteLength >>> 0, shards, buckets, maxEntryByteLength],
    layout: codec,
  };
}

/**
 * The layout according to a header.
 *
 * @throws {Deno.errors.InvalidData} If no cache can have it, or it reaches beyond `available` bytes.
 */
export function cacheLayoutOf(header: Header, available: number, action: string): CacheLayout {
  const [low, shards, buckets, maxEntryByteLength] = header.geometry;
  const byteLength = low === 0 ? MOST_BYTE_LENGTH : low;
  const isOne = byteLength >= LEAST_BYTE_LENGTH && shards >= 1 && shards <= MOST_SHARDS &&
    buckets >= 1 && maxEntryByteLength >= 1 &&
    buckets * BUCKET_BYTE_LENGTH <= shardByteLength(byteLength, shards) / 4 + BUCKET_BYTE_LENGTH &&
    maxEntryByteLength <= shardByteLength(byteLength, shards) / LARGEST_PER_SHARD;
  if (!isOne) throw invalid(action, "no cache can have its geometry");
  if (byteLength > available) {
    throw invalid(action, `it needs ${byteLength} bytes and has ${available}`);
  }
  return layOut({ byteLength, shards, buckets, maxEntryByteLength });
}

/** @throws {Deno.errors.AlreadyExists} If the cache is not what was asked for. */
export function checkCacheWishes(wishes: CacheWishes, layout: CacheLayout, action: string): void {
  for (const name of ["byteLength", "shards", "maxEntryByteLength"] as const) {
    const wanted = wishes[name];
    if (wanted === undefined || wanted === layout[name]) continue;
    throw new Deno.errors.AlreadyExists(
      `Cannot ${action}: its ${name} is ${layout[name]}, and ${wanted} was asked for`,
    );
  }
}
