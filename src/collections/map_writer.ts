/**
 * Changes of a map, under its lock. A single store of a word makes each change valid:
 *
 * - `set`: an entry's number into a bucket, once the entry is written and the bucket's hash is there.
 * - `delete`: TOMBSTONE into a bucket.
 * - `clear` and a new index: the generation, once the other index is written.
 * - `resize`: RESIZES, once all entries are copied.
 *
 * If a writer is killed before that store, the map is unchanged; if it is killed after it, the
 * change is complete. The free list, the size and the number of tombstones may be out of date then; the
 * next holder of the lock rebuilds them.
 */

import { fence, writeLast } from "../wait/order.ts";
import { invalid } from "./header.ts";
import type { Memory } from "./copy_out.ts";
import type { MapKey } from "./map_key.ts";
import {
  BYTES_BIT,
  EMPTY,
  FREE_COUNT,
  FREE_FIRST,
  FREE_LAST,
  GENERATION,
  HASH,
  KEY,
  KEY_LENGTH,
  type MapLayout,
  nameArea,
  RESIZES,
  SIZE,
  SPARES,
  TOMBSTONE,
  TOMBSTONES,
  USED,
  VALUE_LENGTH,
} from "./map_layout.ts";

/** Sets a key; the lock is held. @returns false if the key is new and the map is full */
export function setEntry(
  memory: Memory,
  layout: MapLayout,
  key: MapKey,
  value: Uint8Array,
  byteLength: number,
): boolean {
  const { words } = memory;
  if (words[TOMBSTONES]! * 8 > layout.buckets) renewIndex(memory, layout);
  const { bucket, number } = find(words, layout, key);
  if (number === EMPTY && words[SIZE]! >= layout.capacity) return false;
  const fresh = allocate(words, layout);
  writeEntry(memory, layout, fresh, key, value, byteLength);
  memory.check();
  if (number !== EMPTY) {
    // Pairs with the loads of the bucket in `searchOnce`: whoever sees the number sees the whole entry.
    writeLast(words, bucket, fresh);
    free(words, layout, number);
    return true;
  }
  const wasTombstone = words[bucket] === TOMBSTONE;
  words[bucket + 1] = key.hash;
  writeLast(words, bucket, fresh); // as above, and the hash too
  if (wasTombstone) words[TOMBSTONES]!--;
  writeLast(words, SIZE, words[SIZE]! + 1);
  return true;
}

/** Deletes a key; the lock is held. @returns whether it was there */
export function deleteEntry(memory: Memory, layout: MapLayout, key: MapKey): boolean {
  const { words } = memory;
  const { bucket, number } = find(words, layout, key);
  if (number === EMPTY) return false;
  writeLast(words, bucket, TOMBSTONE);
  writeLast(words, SIZE, words[SIZE]! - 1);
  words[TOMBSTONES]!++;
  free(words, layout, number);
  clearTombstones(words, layout, bucket);
  return true;
}

/** Removes all keys; the lock is held. */
export function clearEntries(memory: Memory, layout: MapLayout): void {
  const { words } = memory;
  const generation = words[GENERATION]!;
  const other = indexOf(layout, generation + 1);
  words.fill(EMPTY, other, other + layout.indexLength);
  memory.check();
  Atomics.store(words, GENERATION, generation + 1 | 0);
  words[FREE_FIRST] = 0;
  words[FREE_COUNT] = 0;
  words[USED] = 0;
  words[TOMBSTONES] = 0;
  Atomics.store(words, SIZE, 0);
}

/** After the death of a writer: counts again, and frees unused entries; the lock is held. */
export function repairMap(memory: Memory, layout: MapLayout): void {
  const { words } = memory;
  const held = renewIndex(memory, layout);
  words[FREE_FIRST] = 0;
  words[FREE_COUNT] = 0;
  const used = Math.min(Math.max(0, words[USED]!), layout.entryCount);
  words[USED] = used;
  for (let number = 1; number <= used; number++) {
    if (!held.has(number)) free(words, layout, number);
  }
  Atomics.store(words, SIZE, held.size);
}

/** Copies all entries to another layout, for which there is room; the lock is held. */
export function moveEntries(memory: Memory, from: MapLayout, to: MapLayout): void {
  const { words } = memory;
  // Those who still read where `to` lies start again. The index in use stays the same.
  const generation = words[GENERATION]! + 2 | 0;
  Atomics.store(words, GENERATION, generation);
  fence();
  const index = indexOf(from, generation);
  const other = indexOf(to, generation);
  words.fill(EMPTY, other, other + to.indexLength);
  let count = 0;
  for (let bucket = index; bucket < index + from.indexLength; bucket += 2) {
    const number = words[bucket]!;
    if (number === EMPTY || number === TOMBSTONE) continue;
    if (count++ === from.capacity) throw damaged();
    const at = entryAt(from, number);
    words.copyWithin(entryAt(to, count), at, at + from.entryLength);
    addToIndex(words, other, to.buckets - 1, count, words[bucket + 1]!);
  }
  nameArea(words, to);
  memory.check();
  // Pairs with the loads of RESIZES: whoever sees the new one sees its area, and all in it.
  Atomics.store(words, RESIZES, to.resizes);
  words[FREE_FIRST] = 0;
  words[FREE_COUNT] = 0;
  words[TOMBSTONES] = 0;
  words[USED] = count;
  Atomics.store(words, SIZE, count);
}

function addToIndex(
  words: Int32Array,
  index: number,
  mask: number,
  number: number,
  hash: number,
): void {
  let i = hash & mask;
  while (words[index + 2 * i] !== EMPTY) i = i + 1 & mask;
  words[index + 2 * i] = number;
  words[index + 2 * i + 1] = hash;
}

function indexOf(layout: MapLayout, generation: number): number {
  return layout.index + (generation & 1) * layout.indexLength;
}

/**
 * The bucket of a key and the number in it; if the key is not there, EMPTY and the bucket to put it in.
 *
 * @throws {Deno.errors.InvalidData} If the map is damaged.
 */
function find(
  words: Int32Array,
  layout: MapLayout,
  key: MapKey,
): { bucket: number; number: number } {
  const mask = layout.buckets - 1;
  const index = indexOf(layout, words[GENERATION]!);
  let tombstone = -1;
  for (let i = key.hash & mask, passed = 0; passed <= mask; i = i + 1 & mask, passed++) {
    const bucket = index + 2 * i;
    const number = words[bucket]!;
    if (number === EMPTY) return { bucket: tombstone < 0 ? bucket : tombstone, number: EMPTY };
    if (number === TOMBSTONE) {
      if (tombstone < 0) tombstone = bucket;
    } else if (words[bucket + 1] === key.hash && holds(words, entryAt(layout, number), key)) {
      return { bucket, number };
    }
  }
  if (tombstone >= 0) return { bucket: tombstone, number: EMPTY };
  throw damaged();
}

function entryAt(layout: MapLayout, number: number): number {
  if (number >= 1 && number <= layout.entryCount) {
    return layout.entries + (number - 1) * layout.entryLength;
  }
  throw damaged();
}

/** Whether an entry belongs to a key. */
export function holds(words: Int32Array, entry: number, key: MapKey): boolean {
  const { byteLength } = key;
  if ((words[entry + KEY_LENGTH]! & ~BYTES_BIT) !== byteLength) return false;
  const other = key.words;
  const at = entry + KEY;
  for (let i = 0, end = byteLength + 3 >>> 2; i < end; i++) {
    if (words[at + i] !== other[i]) return false;
  }
  return true;
}

function writeEntry(
  memory: Memory,
  layout: MapLayout,
  number: number,
  key: MapKey,
  value: Uint8Array,
  byteLength: number,
): void {
  const { words } = memory;
  const at = entryAt(layout, number);
  const version = words[at]! | 1;
  // Readers that are still copying the old content find another version at the end.
  Atomics.store(words, at, version);
  fence();
  words[at + HASH] = key.hash;
  words[at + KEY_LENGTH] = key.byteLength | key.form;
  words[at + VALUE_LENGTH] = byteLength;
  for (let i = 0, end = key.length; i < end; i++) words[at + KEY + i] = key.words[i]!;
  if (byteLength > 0) memory.bytes.set(value, 4 * (at + layout.value));
  writeLast(words, at, version + 1 | 0);
}

/** A free entry: the one that was freed first, or, while few are free, one that was never used. */
function allocate(words: Int32Array, layout: MapLayout): number {
  const used = words[USED]!;
  if (words[FREE_COUNT]! < SPARES && used >= 0 && used < layout.entryCount) {
    words[USED] = used + 1;
    return used + 1;
  }
  const number = words[FREE_FIRST]!;
  words[FREE_FIRST] = words[entryAt(layout, number) + HASH]!;
  words[FREE_COUNT]!--;
  return number;
}

function free(words: Int32Array, layout: MapLayout, number: number): void {
  const at = entryAt(layout, number);
  const version = words[at]!;
  // The link of the list replaces the hash, but only after readers can see that the entry is gone.
  Atomics.store(words, at, version | 1);
  fence();
  words[at + HASH] = 0;
  if (words[FREE_FIRST] === 0) words[FREE_FIRST] = number;
  else words[entryAt(layout, words[FREE_LAST]!) + HASH] = number;
  words[FREE_LAST] = number;
  words[FREE_COUNT]!++;
}

/** Tombstones right before an empty bucket are not needed: they become empty, from the back. */
function clearTombstones(words: Int32Array, layout: MapLayout, bucket: number): void {
  const index = indexOf(layout, words[GENERATION]!);
  const mask = layout.buckets - 1;
  let i = (bucket - index) / 2;
  if (words[index + 2 * (i + 1 & mask)] !== EMPTY) return;
  while (words[index + 2 * i] === TOMBSTONE) {
    Atomics.store(words, index + 2 * i, EMPTY);
    words[TOMBSTONES]!--;
    i = i - 1 & mask;
  }
}

/**
 * Writes the other index, without tombstones, and replaces this one by it. @returns the entries in use
 */
function renewIndex(memory: Memory, layout: MapLayout): Set<number> {
  const { words } = memory;
  const generation = words[GENERATION]!;
  const index = indexOf(layout, generation);
  const other = indexOf(layout, generation + 1);
  const mask = layout.buckets - 1;
  const held = new Set<number>();
  words.fill(EMPTY, other, other + layout.indexLength);
  for (let bucket = index; bucket < index + layout.indexLength; bucket += 2) {
    const number = words[bucket]!;
    if (number < 1 || number > layout.entryCount || held.has(number)) continue;
    if (held.size === layout.capacity) throw damaged();
    held.add(number);
    addToIndex(words, other, mask, number, words[bucket + 1]!);
  }
  memory.check();
  // Pairs with the loads of the generation in `searchOnce`: whoever sees the new one sees its index.
  Atomics.store(words, GENERATION, generation + 1 | 0);
  words[TOMBSTONES] = 0;
  return held;
}

function damaged(): Error {
  return invalid("change map", "it is damaged");
}
