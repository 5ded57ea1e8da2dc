/**
 * Finding a key without a lock.
 *
 * Writers give an entry up before they overwrite it, and no version comes twice. So whoever reads the
 * same version before and after has read one whole entry. The link to it is read again too: else
 * bytes that are no entry any more could be taken for one.
 */

import { fence, readFirst } from "../../wait/order.ts";
import type { MapKey } from "../map_key.ts";
import {
  BUCKET_LENGTH,
  BYTES_FORM_BIT,
  CHAIN_BIT,
  INFO,
  KEY,
  KEY_LENGTH_MASK,
  NAMESPACE_SHIFT,
  NEXT,
  SAME_MASK,
  UNIT,
  UNIT_LENGTH,
  UNITS,
  VALUE_LENGTH,
} from "./cache_layout.ts";
import type { Shard } from "./shard.ts";

/** A key of a namespace, as it is looked up. */
export class CacheKey {
  readonly key: MapKey;
  namespace = 0;
  /** Of the key and the namespace. */
  hash = 0;

  constructor(key: MapKey) {
    this.key = key;
  }

  /** As `MapKey.take`. */
  take(key: string | Uint8Array, namespace: number, action: string): boolean {
    if (!this.key.take(key, action)) return false;
    this.namespace = namespace;
    this.hash = this.key.hash ^ Math.imul(namespace, 0x9e3779b1);
    return true;
  }

  /** INFO of its entries, but for the form. */
  get same(): number {
    return this.key.byteLength | this.namespace << NAMESPACE_SHIFT;
  }

  /** INFO of its entries. */
  get info(): number {
    return this.same | (this.key.form === 0 ? 0 : BYTES_FORM_BIT);
  }

  /** The length in words, with its padding. */
  get length(): number {
    return paddedLength(this.key.byteLength);
  }
}

/** The length of a key in words, with its padding. */
export function paddedLength(byteLength: number): number {
  return byteLength + 7 >>> 3 << 1;
}

/** The words with the offset of the value of an entry. */
export function valueAt(words: Int32Array, entry: number): number {
  return entry + KEY + paddedLength(words[entry + INFO]! & KEY_LENGTH_MASK);
}

/**
 * How many bytes an entry has for its value, which begins at `value`; below 0 if it does not lie in
 * its shard.
 */
export function roomOf(shard: Shard, entry: number, value: number): number {
  const units = shard.memory.words[entry + UNITS]! >>> 0;
  const end = (entry - shard.data) / UNIT_LENGTH + units;
  return end <= shard.units ? UNIT * units - 4 * (value - entry) : -1;
}

/** Whether an entry lies in its shard, and its value in the entry. */
export function isSound(shard: Shard, entry: number): boolean {
  const { words } = shard.memory;
  return words[entry + VALUE_LENGTH]! >>> 0 <= roomOf(shard, entry, valueAt(words, entry));
}

/** Somebody changed it meanwhile. */
export const CHANGED = -1;
/** There is no such key. */
export const MISSING = 0;

/** A look-up. One object serves them all. */
export class Lookup {
  /** What was found: its version, the word with the link to it, and that link. */
  version = 0;
  slot = 0;
  link = 0;

  /** @returns the offset of the entry, MISSING or CHANGED */
  find(shard: Shard, key: CacheKey): number {
    const { words } = shard.memory;
    const { hash } = key;
    const bucket = shard.bucketOf(hash);
    const last = bucket + BUCKET_LENGTH - 2;
    for (let cell = bucket; cell < last; cell += 2) {
      if (words[cell + 1] !== hash) continue;
      const found = this.#look(shard, key, cell, readFirst(words, cell));
      if (found !== MISSING) return found;
    }
    // The link first: only the hash beside one entry says something.
    const link = readFirst(words, last);
    if (link < 0) return this.#walk(shard, key, last);
    if (words[last + 1] === hash) return this.#look(shard, key, last, link);
    return MISSING;
  }

  /** Looks at the entry of a cell. @returns MISSING if it is another key's */
  #look(shard: Shard, key: CacheKey, cell: number, link: number): number {
    const { words, floats } = shard.memory;
    const entry = shard.entryAt(link);
    if (link === 0 || entry === 0) return MISSING;
    const version = floats[entry >> 1]!;
    fence();
    const isSame = (words[entry + INFO]! & SAME_MASK) === key.same && holds(words, entry, key.key);
    if (!(version > 0)) return CHANGED;
    if (!isSame) {
      // It may have been no entry any more: then the key may have another place now.
      fence();
      return Atomics.load(words, cell) === link ? MISSING : CHANGED;
    }
    // `isStill` looks at the link again.
    this.version = version;
    this.slot = cell;
    this.link = link;
    return entry;
  }

  /** Follows the chain of an overfull bucket. */
  #walk(shard: Shard, key: CacheKey, cell: number): number {
    const { words, floats } = shard.memory;
    const { same } = key;
    let slot = cell;
    let link = readFirst(words, slot);
    // As long as this holds, the slot belongs to the chain.
    let holder = 0;
    let holderVersion = 0;
    for (let hops = 0; hops < shard.units; hops++) {
      if ((link & ~CHAIN_BIT) === 0) return MISSING;
      const entry = shard.entryAt(link);
      if (entry === 0) return MISSING;
      const version = floats[entry >> 1]!;
      fence();
      const isSame = (words[entry + INFO]! & SAME_MASK) === same && holds(words, entry, key.key);
      const next = words[entry + NEXT]!;
      fence();
      if (!(version > 0) || Atomics.load(words, slot) !== link) return CHANGED;
      if (holder !== 0 && floats[holder >> 1] !== holderVersion) return CHANGED;
      if (isSame) {
        this.version = version;
        this.slot = slot;
        this.link = link;
        return entry;
      }
      holder = entry;
      holderVersion = version;
      slot = entry + NEXT;
      link = next;
    }
    return MISSING;
  }

  /** Whether what was found is still there, after it was read. */
  isStill(shard: Shard, entry: number): boolean {
    const { words, floats } = shard.memory;
    fence();
    // The first read is atomic, or the compiler might reuse what was read before.
    return Atomics.load(words, this.slot) === this.link && floats[entry >> 1] === this.version;
  }
}

/** Whether an entry has the words of a key. */
export function holds(words: Int32Array, entry: number, key: MapKey): boolean {
  const { words: wanted, length } = key;
  for (let i = 0, at = entry + KEY; i < length; i++, at++) {
    if (words[at] !== wanted[i]) return false;
  }
  return true;
}
