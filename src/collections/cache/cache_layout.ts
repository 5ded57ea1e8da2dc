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

import { HEADER_BYTE_LENGTH } from "../header.ts";

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
export const CONTROLS_BYTE_OFFSET = 8192;
export const CONTROL_BYTE_LENGTH = 128;

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

/** The longest key, in bytes. */
export const LONGEST_KEY = 1024;

/** The units that an entry takes; its key is padded to `keyLength` words. */
export function unitsOf(keyLength: number, valueByteLength: number): number {
  return Math.max(LEAST_UNITS, Math.ceil((4 * (KEY + keyLength) + valueByteLength) / UNIT));
}
