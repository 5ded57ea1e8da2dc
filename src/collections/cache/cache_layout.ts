/**
 * The layout of a cache, after the header of all collections.
 *
 * The geometry is: the lowest 32 bits of the length in bytes, the number of shards, the number of
 * buckets of a shard, and the longest entry in bytes. The element layout is the kind of the codec.
 *
 * | byte | what | written by |
 * |---|---|---|
 * | 64 | the mutex of the namespaces and of the flights | |
 * | 128 | SEED of the hash, so that nobody can choose keys that collide | the creator |
 * | 132 | CLEARS: how many namespaces were ever cleared | who clears, atomically |
 * | 192 | 16 counts of 64 bits (`counts.ts`) | all, atomically |
 * | 512 | 128 namespaces of 4 words: two hashes of the name, EPOCH, the codec | under the mutex |
 * | 4096 | 128 flights of 8 words (`flights.ts`) | under the mutex |
 * | 8192 | the controls of the shards, 128 bytes each | under the shard's lock |
 * | then, at a multiple of 64 | the shards | |
 *
 * Each shard has a lock and memory of its own; a key's hash says which one it belongs to. Its
 * controls are, in words:
 *
 * | word | what |
 * |---|---|
 * | 0, 1 | the lock word: see `robust_word.ts` |
 * | 16, 17 | TAIL and HEAD of the small ring, in units |
 * | 18, 19 | TAIL and HEAD of the main ring, in units |
 * | 20, 21 | VERSION: the last version that was given, as a 64-bit float |
 * | 22 | HOLES: how many units of the main ring belong to no key |
 * | 23 | EXPIRED: how many of its units had expired at the last look |
 * | 24, 25 | NEXT_LOOK: when to look again, as a 64-bit float; 0: now |
 * | 26 | SINCE: units with an expiry that came into the main ring since then |
 * | 27 | SEEN_CLEARS: CLEARS at the last look |
 * | 28 | LARGEST: of the shard's entries ever, in units |
 * | 29, 30 | units at the end of the small and the main ring that the head has left out |
 *
 * A shard is, each at a multiple of 64 bytes:
 *
 * | what | how |
 * |---|---|
 * | the index | buckets of 8 cells; a cell is two words: LINK and the hash of the key |
 * | the ghosts | 4 words per bucket: hashes of keys that were pushed out unused |
 * | the uses | a byte per 64 bytes of the rings: how often the entry there was used, at most 3 |
 * | the rings | 10 % small ring, 90 % main ring, in units of 16 bytes |
 *
 * A LINK is the number of the entry's first unit plus 1; 0 is none. The entries of a bucket that has
 * no free cell hang on its last cell, one behind the other: CHAIN_BIT of that cell is set, and its
 * hash says nothing. So no bucket is ever full.
 *
 * An entry is at least 4 units, and never goes beyond the end of its ring:
 *
 * | word | what |
 * |---|---|
 * | 0, 1 | the version, as a 64-bit float: see below |
 * | 2 | its length in units |
 * | 3 | INFO: bits 0-10 the key's length, 11 BYTES, 12-18 the namespace, 19 NOTHING |
 * | 4 | the length of the value in bytes |
 * | 5 | the hash of the key |
 * | 6 | NEXT: the LINK of the next entry of an overfull bucket |
 * | 7 | the EPOCH of its namespace when it was written |
 * | 8, 9 | when it expires, in milliseconds since 1970, as a 64-bit float |
 * | 10, 11 | for how many milliseconds it is stale then, as a 64-bit float |
 * | 12 | the key, and zeros up to a multiple of 8 bytes |
 * | then | the value |
 *
 * | version | what |
 * |---|---|
 * | above 0 | whole; the same version never comes again in this shard |
 * | 0 | no entry: the rest of the ring is not used |
 * | -Infinity | given up: its memory may be overwritten at any time |
 * | negative, a whole number | its number is being replaced by one store: whole before and after |
 * | negative, and a half | its value is being overwritten |
 */

import { optionalNumber, wholeNumber } from "../../check/numbers.ts";
import { alignDown, alignUp } from "../../mapping/pages.ts";
import { type Header, HEADER_BYTE_LENGTH, invalid } from "../header.ts";

export const CACHE_SEED = 32;
export const CLEARS = 33;
export const COUNTS_BYTE_OFFSET = 192;
export const NAMESPACES = 128;
export const NAMESPACE_COUNT = 128;
export const NAMESPACE_LENGTH = 4;
/** The word of a namespace with its EPOCH. */
export const NAMESPACE_EPOCH = 2;
export const FLIGHTS_BYTE_OFFSET: number = HEADER_BYTE_LENGTH;
export const FLIGHT_COUNT = 128;
const CONTROLS_BYTE_OFFSET = 8192;
const CONTROL_BYTE_LENGTH = 128;

/** Words of the controls. */
export const SMALL_TAIL = 16;
export const MAIN_TAIL = 18;
export const VERSION = 20;
export const HOLES = 22;
export const EXPIRED = 23;
export const NEXT_LOOK = 24;
export const SINCE = 26;
export const SEEN_CLEARS = 27;
export const LARGEST = 28;
export const SMALL_PAD = 29;
export const MAIN_PAD = 30;

export const CELLS = 8;
/** For each bucket. */
export const GHOSTS = 4;
export const BUCKET_LENGTH = 16;
export const CHAIN_BIT = 0x80000000 | 0;

/** In bytes. */
export const UNIT = 16;
/** In words. */
export const UNIT_LENGTH = 4;
/** The shortest entry, in units. */
export const LEAST_UNITS = 4;

/** Words of an entry. */
export const UNITS = 2;
export const INFO = 3;
export const VALUE_LENGTH = 4;
export const HASH = 5;
export const NEXT = 6;
export const EPOCH = 7;
export const EXPIRES = 8;
export const STALE_FOR = 10;
export const KEY = 12;

/** Bits of INFO. */
export const KEY_LENGTH_MASK = 0x7ff;
export const BYTES_FORM_BIT = 0x800;
export const NAMESPACE_SHIFT = 12;
/** The entry says that there is nothing, for `getOrCompute`. */
export const NOTHING_BIT = 0x80000;
/** What must be the same for a key to be the same. */
export const SAME_MASK = KEY_LENGTH_MASK | (NAMESPACE_COUNT - 1) << NAMESPACE_SHIFT;

/** Versions that are none. */
export const PAD = 0;
export const GIVEN_UP = -Infinity;

export const LONGEST_KEY = 1024;
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

/** The units that an entry takes; its key is padded to `keyLength` words. */
export function unitsOf(keyLength: number, valueByteLength: number): number {
  return Math.max(LEAST_UNITS, Math.ceil((4 * (KEY + keyLength) + valueByteLength) / UNIT));
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
