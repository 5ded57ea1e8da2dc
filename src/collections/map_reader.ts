/**
 * Look-ups in a map, without a lock, beside a writer that may be killed at any instruction.
 *
 * A key's entry is never changed in place: `set` writes a free entry, makes it the key's by one
 * store of a bucket, and only then frees the old one, whose VERSION increases before it is written
 * again. So a look-up reads the generation, the bucket, the entry's version, and the entry. Then it
 * checks that the bucket, the generation and, last, the version are unchanged. If so, the entry was
 * whole and the key's own at one moment; if not, the look-up starts again. A key that is not found
 * was missing at one moment of the look-up, because no key ever moves to another bucket of an index,
 * unless the generation has changed. Nor does the layout change without the generation, which is read
 * first.
 */

import { fence, loadAfter, readFirst } from "../wait/order.ts";
import { copyOut, type Memory, type Scratch } from "./copy_out.ts";
import { invalid } from "./header.ts";
import type { MapKey } from "./map_key.ts";
import { holds } from "./map_writer.ts";
import {
  BYTES_BIT,
  EMPTY,
  GENERATION,
  HASH,
  KEY,
  KEY_LENGTH,
  type MapLayout,
  RESIZES,
  TOMBSTONE,
  VALUE_LENGTH,
} from "./map_layout.ts";

/** The results of a look-up that are not a value. */
const PRESENT: unique symbol = Symbol("present");
const CHANGED: unique symbol = Symbol("changed");

/** How often a look-up starts again. */
const TRIES = 10_000;

type Bytes = Uint8Array<ArrayBuffer>;

/** A map as look-ups see it. */
export interface MapInMemory extends Memory {
  /** The layout that was in use when somebody last looked. */
  readonly layout: MapLayout;
  /** Follows a resize. */
  settle(action: string): void;
}

/** A key in its original form, and a copy of its value. */
export interface MapEntry {
  readonly key: Bytes;
  readonly isText: boolean;
  readonly value: Bytes;
}

/** The value of a key; undefined if the map does not have it. */
export function lookUp(memory: MapInMemory, key: MapKey): Bytes | undefined {
  const found = search(memory, key, true);
  return found as Bytes | undefined;
}

/** Copies the value of a key. @returns its length in bytes; undefined if the map does not have the key */
export function lookUpInto(
  memory: MapInMemory,
  key: MapKey,
  scratch: Scratch,
): number | undefined {
  if (search(memory, key, false, scratch) === undefined) return undefined;
  if (scratch.byteLength > memory.layout.valueByteLength) throw damaged();
  return scratch.byteLength;
}

/** Whether the map has a key. */
export function isThere(memory: MapInMemory, key: MapKey): boolean {
  return search(memory, key, false) !== undefined;
}

function search(
  memory: MapInMemory,
  key: MapKey,
  copies: boolean,
  scratch?: Scratch,
): Bytes | typeof PRESENT | undefined {
  for (let i = 0; i < TRIES; i++) {
    const found = searchOnce(memory, key, copies, scratch);
    if (found !== CHANGED) return found;
  }
  throw invalid("look key up", "the map changes faster than it can be read");
}

function searchOnce(
  memory: MapInMemory,
  key: MapKey,
  copies: boolean,
  scratch: Scratch | undefined,
): Bytes | typeof PRESENT | typeof CHANGED | undefined {
  const { words, layout } = memory;
  const { hash } = key;
  const mask = layout.buckets - 1;
  const generation = readFirst(words, GENERATION);
  if (words[RESIZES] !== layout.resizes) {
    memory.settle("look key up");
    return CHANGED;
  }
  const index = layout.index + (generation & 1) * layout.indexLength;
  for (let i = hash & mask, passed = 0; passed <= mask; i = i + 1 & mask, passed++) {
    const bucket = index + 2 * i;
    const number = readFirst(words, bucket);
    if (number === EMPTY) break;
    if (words[bucket + 1] !== hash || number === TOMBSTONE) continue;
    if (number < 0 || number > layout.entryCount) return checkChanged(words, generation);
    const at = layout.entries + (number - 1) * layout.entryLength;
    const version = readFirst(words, at);
    const isIt = words[at + HASH] === hash && holds(words, at, key);
    const byteLength = words[at + VALUE_LENGTH]! >>> 0;
    let value: Bytes | undefined;
    if (isIt && copies && byteLength <= layout.valueByteLength) {
      value = copyOut(memory, at + layout.value, byteLength);
    }
    if (isIt) scratch?.take(memory, at + layout.value, byteLength, layout.valueByteLength);
    fence();
    // The first read is atomic, or the compiler might reuse the words that it has read before.
    if (
      Atomics.load(words, bucket) !== number || words[at] !== version ||
      words[GENERATION] !== generation
    ) return CHANGED;
    if ((version & 1) !== 0) throw damaged();
    if (!isIt) continue;
    if (!copies) return PRESENT;
    if (value === undefined) throw damaged();
    return value;
  }
  // Pairs with the store in `MapWriter`: in another index, the key may be in another bucket.
  return Atomics.load(words, GENERATION) === generation ? undefined : CHANGED;
}

/** A map that was resized may have other things there. @throws {Deno.errors.InvalidData} If it was not. */
function checkChanged(words: Int32Array, generation: number): typeof CHANGED {
  if (loadAfter(words, GENERATION) !== generation) return CHANGED;
  throw damaged();
}

/** Each byte is another character. */
const bytesAsText = new TextDecoder("latin1");

/**
 * Copies of all entries, each key once. A key that is present all the time is returned; a key that is
 * set or deleted meanwhile may be returned or not.
 */
export function collect(memory: MapInMemory): MapEntry[] {
  for (let i = 0; i < TRIES; i++) {
    const generation = Atomics.load(memory.words, GENERATION);
    memory.settle("read entries");
    const { layout } = memory;
    // By key: one that is deleted and set again meanwhile may be met in two buckets.
    const found = new Map<string, MapEntry>();
    for (let bucket = 0; bucket < layout.buckets; bucket++) {
      const one = entryOf(memory, layout, generation, bucket);
      if (one !== undefined) found.set(bytesAsText.decode(one.key), one);
    }
    if (Atomics.load(memory.words, GENERATION) === generation) return [...found.values()];
  }
  throw invalid("read entries", "the map changes faster than it can be read");
}

/** The entry of a bucket of an index; undefined if it has none. */
function entryOf(
  memory: Memory,
  layout: MapLayout,
  generation: number,
  bucket: number,
): MapEntry | undefined {
  const { words } = memory;
  const word = layout.index + (generation & 1) * layout.indexLength + 2 * bucket;
  for (let i = 0; i < TRIES; i++) {
    const number = readFirst(words, word);
    if (number === EMPTY || number === TOMBSTONE) return undefined;
    if (number < 0 || number > layout.entryCount) {
      checkChanged(words, generation);
      return undefined;
    }
    const at = layout.entries + (number - 1) * layout.entryLength;
    const version = readFirst(words, at);
    const found = copyEntry(memory, layout, at);
    fence();
    // The generation has changed: everything starts again.
    if (Atomics.load(words, GENERATION) !== generation) return undefined;
    if (Atomics.load(words, word) !== number || Atomics.load(words, at) !== version) continue;
    if (found === undefined || (version & 1) !== 0) throw damaged();
    return found;
  }
  throw invalid("read entries", "the map changes faster than it can be read");
}

/** Undefined if its lengths are not possible. */
function copyEntry(memory: Memory, layout: MapLayout, at: number): MapEntry | undefined {
  const { words } = memory;
  const length = words[at + KEY_LENGTH]!;
  const keyByteLength = length & ~BYTES_BIT;
  const byteLength = words[at + VALUE_LENGTH]! >>> 0;
  if (keyByteLength > layout.maxKeyByteLength || byteLength > layout.valueByteLength) {
    return undefined;
  }
  const key = copyOut(memory, at + KEY, keyByteLength);
  const value = copyOut(memory, at + layout.value, byteLength);
  return { key, isText: (length & BYTES_BIT) === 0, value };
}

function damaged(): Error {
  return invalid("read map", "it is damaged");
}
