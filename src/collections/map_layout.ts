/**
 * The layout of a map, after the header of all collections.
 *
 * The geometry is: the capacity, the longest key and the longest value in bytes, and the number of
 * buckets, a power of two.
 *
 * | byte | what |
 * |---|---|
 * | 64 | the mutex of the writers |
 * | 128 | GENERATION: its lowest bit says which index is in use |
 * | 132 | SIZE: how many keys there are |
 * | 136 | FREE_FIRST: the first entry of the free list, plus 1; 0 if it is empty |
 * | 140 | FREE_LAST: its last one, plus 1, if it is not empty |
 * | 144 | USED: the number of entries that were ever used |
 * | 148 | TOMBSTONES: buckets that were freed and that look-ups still have to pass |
 * | 152 | FREE_COUNT: how long the free list is |
 * | 156 | SEED: of the hash, so that nobody can choose keys that collide |
 * | 160 | RESIZES: how often the map was resized; its lowest bit says which area counts then |
 * | 192 | two areas of two words: the page where it begins, and its capacity |
 * | 4096, or where the area begins | the two indexes, each of as many buckets as the capacity needs |
 * | then, at a multiple of 64 | the entries: SPARES more than the capacity |
 *
 * To resize a map, a writer copies its entries to a free part of the file, before or behind them, names
 * that part in the area that does not count, and adds 1 to RESIZES. So one store publishes the new
 * geometry. The part that was in use is not written to before GENERATION has changed as well: who
 * still reads there then starts again.
 *
 * A bucket is two words: the number of an entry plus 1 (EMPTY 0, TOMBSTONE -1), and the hash of its key. An
 * entry is, each at a multiple of 4 bytes:
 *
 * | word | what |
 * |---|---|
 * | 0 | VERSION: odd while the entry is written |
 * | 1 | the hash of the key; in a free entry, the next one of the free list, plus 1 |
 * | 2 | the length of the key in bytes, and BYTES_BIT if it was given as bytes |
 * | 3 | the length of the value in bytes |
 * | 4 | the key, and zeros up to a multiple of 4 bytes |
 * | then | the value |
 */

import { optionalNumber } from "../check/numbers.ts";
import { alignUp } from "../mapping/pages.ts";
import { loadAfter } from "../wait/order.ts";
import { type Header, HEADER_BYTE_LENGTH, invalid } from "./header.ts";

export const GENERATION = 32;
export const SIZE = 33;
export const FREE_FIRST = 34;
export const FREE_LAST = 35;
export const USED = 36;
export const TOMBSTONES = 37;
export const FREE_COUNT = 38;
export const SEED = 39;
export const RESIZES = 40;
const AREAS = 48;

export const EMPTY = 0;
export const TOMBSTONE = -1;

export const HASH = 1;
export const KEY_LENGTH = 2;
export const VALUE_LENGTH = 3;
export const KEY = 4;

/** Set in the length of a key that was given as bytes. */
export const BYTES_BIT = 0x80000000 | 0;

/**
 * Entries beyond the capacity. One is needed to change a value in a full map; the others give
 * readers time to copy, because the entry that was freed first is reused first.
 */
export const SPARES = 4;

const BUCKET_BYTE_LENGTH = 8;
export const LARGEST_CAPACITY = 2 ** 26;
const LARGEST_BYTE_LENGTH = 2 ** 28;

/** The sizes that a map is created with. */
interface MapGeometry {
  readonly capacity: number;
  readonly maxKeyByteLength: number;
  readonly valueByteLength: number;
}

/** The offsets of all parts, in words from the beginning. */
export interface MapLayout extends MapGeometry {
  readonly buckets: number;
  /** The offset of the indexes, and the length of one. */
  readonly index: number;
  readonly indexLength: number;
  readonly entries: number;
  readonly entryCount: number;
  readonly entryLength: number;
  /** The offset of the value in an entry. */
  readonly value: number;
  /** Where it ends, in bytes from the beginning of the map. */
  readonly byteLength: number;
  /** The value of RESIZES that it belongs to. */
  readonly resizes: number;
}

/** Lays a map out. @param start where its area begins, in bytes */
function layOut(geometry: MapGeometry, start = HEADER_BYTE_LENGTH, resizes = 0): MapLayout {
  const { capacity, maxKeyByteLength, valueByteLength } = geometry;
  // At most two thirds of the buckets are taken, so that a look-up passes few of them.
  const buckets = 2 ** Math.ceil(Math.log2(Math.max(4, capacity * 1.5)));
  const value = KEY + alignUp(maxKeyByteLength, 4) / 4;
  const entryLength = alignUp(value + alignUp(valueByteLength, 4) / 4, 4);
  const indexLength = buckets * BUCKET_BYTE_LENGTH / 4;
  const index = start / 4;
  const entries = alignUp(index + 2 * indexLength, 16);
  const entryCount = capacity + SPARES;
  return {
    capacity,
    maxKeyByteLength,
    valueByteLength,
    buckets,
    index,
    indexLength,
    entries,
    entryCount,
    entryLength,
    value,
    byteLength: 4 * (entries + entryCount * entryLength),
    resizes,
  };
}

/** The layout after one more resize: before the present one if there is room, or behind it. */
export function layOutNext(present: MapLayout, capacity: number): MapLayout {
  const at = (start: number): MapLayout =>
    layOut({ ...present, capacity }, start, present.resizes + 1 | 0);
  const before = at(HEADER_BYTE_LENGTH);
  if (before.byteLength <= 4 * present.index) return before;
  return at(alignUp(present.byteLength, HEADER_BYTE_LENGTH));
}

/** Names the area of a layout; until RESIZES is stored, it does not count. */
export function nameArea(words: Int32Array, { index, capacity, resizes }: MapLayout): void {
  words[areaOf(resizes)] = 4 * index / HEADER_BYTE_LENGTH;
  words[areaOf(resizes) + 1] = capacity;
}

function areaOf(resizes: number): number {
  return AREAS + 2 * (resizes & 1);
}

/** How often a look at the layout starts again: what writes there may mean no good. */
const TRIES = 10_000;

/**
 * The layout that counts now.
 *
 * @param known an earlier one, for the lengths, which never change
 * @throws {Deno.errors.InvalidData} If no map can have it.
 */
export function layoutNow(words: Int32Array, known: MapLayout, action: string): MapLayout {
  for (let tries = 0; tries < TRIES; tries++) {
    const resizes = Atomics.load(words, RESIZES);
    const start = HEADER_BYTE_LENGTH * (words[areaOf(resizes)]! >>> 0);
    const capacity = words[areaOf(resizes) + 1]! >>> 0;
    // Another resize may be writing there, the next but one.
    if (loadAfter(words, RESIZES) !== resizes) continue;
    if (start === 0 || capacity < 1 || capacity > LARGEST_CAPACITY) {
      throw invalid(action, "no map can have its geometry");
    }
    return layOut({ ...known, capacity }, start, resizes);
  }
  throw invalid(action, "it is resized faster than it can be read");
}

/** @throws {Deno.errors.InvalidData} If the layout reaches beyond `available` bytes. */
export function checkRoom(layout: MapLayout, available: number, action: string): void {
  if (layout.byteLength <= available) return;
  throw invalid(action, `it needs ${layout.byteLength} bytes and has ${available}`);
}

/** The header of such a map. @param values the hash of the layout of its values */
export function headerOf(layout: MapLayout, values: Header["layout"]): Header {
  const { capacity, maxKeyByteLength, valueByteLength, buckets } = layout;
  return {
    kind: "map",
    geometry: [capacity, maxKeyByteLength, valueByteLength, buckets],
    layout: values,
  };
}

/**
 * The layout according to a header.
 *
 * @throws {Deno.errors.InvalidData} If no map can have that layout, or it reaches beyond `available` bytes.
 */
export function layoutOf(header: Header, available: number, action: string): MapLayout {
  const [capacity, maxKeyByteLength, valueByteLength, buckets] = header.geometry;
  const layout = layOut({ capacity, maxKeyByteLength, valueByteLength });
  const isOne = capacity >= 1 && capacity <= LARGEST_CAPACITY && buckets === layout.buckets &&
    maxKeyByteLength <= LARGEST_BYTE_LENGTH && valueByteLength <= LARGEST_BYTE_LENGTH;
  if (!isOne) throw invalid(action, "no map can have its geometry");
  checkRoom(layout, available, action);
  return layout;
}

/**
 * The sizes that a caller asked for; undefined stands for the map's own, or the default of a new
 * one.
 */
export type Wishes = { readonly [Name in keyof MapGeometry]: number | undefined };

/** @throws {TypeError} @throws {RangeError} */
export function readWishes(options: Partial<MapGeometry>, action: string): Wishes {
  const wish = (name: keyof MapGeometry, least: number, most: number): number | undefined => {
    return optionalNumber(options[name], name, action, least, most);
  };
  return {
    capacity: wish("capacity", 1, LARGEST_CAPACITY),
    maxKeyByteLength: wish("maxKeyByteLength", 1, LARGEST_BYTE_LENGTH),
    valueByteLength: wish("valueByteLength", 0, LARGEST_BYTE_LENGTH),
  };
}

/** @throws {Deno.errors.InvalidData} If the map is not what was asked for. */
export function checkWishes(wishes: Wishes, layout: MapLayout, action: string): void {
  for (const name of ["capacity", "maxKeyByteLength", "valueByteLength"] as const) {
    const wanted = wishes[name];
    if (wanted === undefined || wanted === layout[name]) continue;
    throw invalid(action, `its ${name} is ${layout[name]}, and ${wanted} was asked for`);
  }
}

const DEFAULT_CAPACITY = 1024;
const DEFAULT_KEY_BYTE_LENGTH = 64;
const DEFAULT_VALUE_BYTE_LENGTH = 256;

/**
 * The layout of a new map.
 *
 * @param available how many bytes there are, if that is fixed: then the default capacity is what
 * fits; the layout is longer only if none fits
 */
export function layOutNew(wishes: Wishes, available?: number): MapLayout {
  const geometry = {
    maxKeyByteLength: wishes.maxKeyByteLength ?? DEFAULT_KEY_BYTE_LENGTH,
    valueByteLength: wishes.valueByteLength ?? DEFAULT_VALUE_BYTE_LENGTH,
  };
  const of = (capacity: number): MapLayout => layOut({ ...geometry, capacity });
  if (available === undefined) return of(wishes.capacity ?? DEFAULT_CAPACITY);
  let capacity = wishes.capacity;
  if (capacity === undefined) {
    capacity = 0;
    for (let step = LARGEST_CAPACITY / 2; step >= 1; step /= 2) {
      if (of(capacity + step).byteLength <= available) capacity += step;
    }
  }
  return of(Math.max(1, capacity));
}
