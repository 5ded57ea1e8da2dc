/** Changes of a shard. Its lock is held. */

import { fence } from "../../wait/order.ts";
import { copyOut } from "../copy_out.ts";
import {
  BUCKET_LENGTH,
  CHAIN_BIT,
  EPOCH,
  EXPIRES,
  GIVEN_UP,
  HASH,
  HOLES,
  INFO,
  KEY,
  NAMESPACE_EPOCH,
  NAMESPACE_LENGTH,
  NAMESPACES,
  NEXT,
  NOTHING_BIT,
  SAME_MASK,
  SINCE,
  STALE_FOR,
  UNITS,
  unitsOf,
  VALUE_LENGTH,
} from "./cache_layout.ts";
import type { CacheCore } from "./core.ts";
import { takeGhost } from "./ghosts.ts";
import { holds, isSound, valueAt } from "./lookup.ts";
import { isCleared } from "./dead_units.ts";
import { advanceHead, makeRoom, type Room } from "./rings.ts";
import type { Ring, Shard } from "./shard.ts";

/** What to write for the key of the core. */
export interface Draft {
  readonly value: Uint8Array;
  readonly byteLength: number;
  readonly ttl: number;
  readonly staleFor: number;
  readonly evict: boolean;
  /** NOTHING_BIT, or 0. */
  readonly bits: number;
  /** Whether the old value stays until the new one is whole, even if this process dies. */
  readonly keepsOld: boolean;
}

/** Rewrites to less than this part of an entry's memory do not keep it. */
const LEAST_PART = 4;

/** Where a key is; one object serves all changes. */
export class CacheWriter {
  readonly #core: CacheCore;
  /** The word with the link to what `locate` found. */
  slot = 0;

  constructor(core: CacheCore) {
    this.#core = core;
  }

  /** The entry of the key, also if its time is over; 0 if there is none. */
  locate(shard: Shard): number {
    const { words } = shard.memory;
    const { hash } = this.#core.key;
    const bucket = shard.bucketOf(hash);
    const last = bucket + BUCKET_LENGTH - 2;
    for (let cell = bucket; cell <= last; cell += 2) {
      const link = words[cell]!;
      if (link < 0 && cell === last) return this.#walk(shard, cell);
      if (link === 0 || words[cell + 1] !== hash) continue;
      const entry = shard.entryAt(link);
      if (entry !== 0 && this.#isIt(shard, entry)) return this.#mended(shard, cell, entry);
    }
    return 0;
  }

  #walk(shard: Shard, cell: number): number {
    const { words } = shard.memory;
    let slot = cell;
    for (let hops = 0; hops < shard.units; hops++) {
      const entry = shard.entryAt(words[slot]!);
      if (entry === 0) return 0;
      if (this.#isIt(shard, entry)) return this.#mended(shard, slot, entry);
      slot = entry + NEXT;
    }
    return shard.fail();
  }

  #isIt({ memory: { words } }: Shard, entry: number): boolean {
    const { key, same } = this.#core.key;
    return (words[entry + INFO]! & SAME_MASK) === same && holds(words, entry, key);
  }

  /** What a writer that died has left of an entry: its number is whole, other values are lost. */
  #mended(shard: Shard, slot: number, entry: number): number {
    const { floats } = shard.memory;
    const version = floats[entry >> 1]!;
    this.slot = slot;
    if (!isSound(shard, entry)) return shard.fail();
    if (version > 0) return entry;
    if (version > GIVEN_UP && Number.isInteger(version) && version < 0) {
      floats[entry >> 1] = -version;
      return entry;
    }
    this.remove(shard, slot, entry);
    return 0;
  }

  /** Whether an entry counts: it has a value whose time is not over. */
  isPresent(shard: Shard, entry: number): boolean {
    const { words, floats } = shard.memory;
    if (entry === 0 || (words[entry + INFO]! & NOTHING_BIT) !== 0) return false;
    const expires = floats[entry + EXPIRES >> 1]!;
    return !isCleared(shard, entry) && (expires === Infinity || Date.now() < expires);
  }

  /** Takes an entry out. */
  remove(shard: Shard, slot: number, entry: number): void {
    shard.unlink(slot, entry);
    this.#drop(shard, entry);
  }

  /** Gives an entry up that no slot names any more. */
  #drop(shard: Shard, entry: number): void {
    const { words } = shard.memory;
    shard.giveUp(entry);
    if (!shard.isMain(entry)) return;
    const holes = shard.control + HOLES;
    words[holes] = words[holes]! + words[entry + UNITS]!;
  }

  /** A copy of the value of an entry. */
  valueOf(shard: Shard, entry: number): Uint8Array<ArrayBuffer> {
    const { memory } = shard;
    return copyOut(memory, valueAt(memory.words, entry), memory.words[entry + VALUE_LENGTH]!);
  }

  /** Writes the key. @param entry what `locate` found @returns false if there is no room */
  put(shard: Shard, entry: number, draft: Draft): boolean {
    const { words } = shard.memory;
    const units = unitsOf(this.#core.key.length, draft.byteLength);
    const there = entry === 0 ? 0 : words[entry + UNITS]!;
    if (entry !== 0 && this.#isNumber(shard, entry, draft)) {
      this.#replaceNumber(shard, entry, draft);
      return true;
    }
    const fits = units <= there;
    if (fits && !draft.keepsOld && (units * LEAST_PART >= there || !draft.evict)) {
      this.#overwrite(shard, entry, draft);
      return true;
    }
    if (this.#insert(shard, entry, draft, units)) return true;
    // Making room has moved it.
    const still = fits ? this.locate(shard) : 0;
    if (still === 0) return false;
    this.#overwrite(shard, still, draft);
    return true;
  }

  #insert(shard: Shard, entry: number, draft: Draft, units: number): boolean {
    const { words, bytes } = shard.memory;
    const { counts, key } = this.#core;
    const { evict } = draft;
    const pinned = draft.keepsOld && entry !== 0 ? shard.linkOf(entry) : 0;
    const room: Room = { shard, counts, evict, pinned };
    let ring = this.#ringFor(shard, entry, units, evict);
    let at = makeRoom(room, ring, units);
    if (at === 0 && !evict && ring === shard.small) at = makeRoom(room, ring = shard.main, units);
    if (at === 0) return false;
    // What was not there is not there now; what was may have moved, or be gone.
    const old = entry === 0 ? 0 : this.locate(shard);
    const { slot } = this;
    this.#write(shard, at, units, draft);
    bytes[shard.useOf(at)] = old === 0 ? 0 : bytes[shard.useOf(old)]!;
    if (old !== 0) words[at + NEXT] = words[old + NEXT]!;
    advanceHead(shard, ring, at);
    if (ring === shard.main) this.#noteExpiry(shard, at);
    if (old === 0) {
      shard.addTo(shard.freeSlot(key.hash), at, key.hash);
    } else {
      shard.setSlot(slot, shard.linkOf(at));
      this.#drop(shard, old);
    }
    return true;
  }

  #ringFor(shard: Shard, entry: number, units: number, evict: boolean): Ring {
    const { small, main } = shard;
    const isMain = entry === 0 ? takeGhost(shard, this.#core.key.hash) : shard.isMain(entry);
    const most = evict ? small.units - 1 : small.units >> 3;
    return isMain || units > most ? main : small;
  }

  #noteExpiry({ memory: { words, floats }, control }: Shard, entry: number): void {
    if (floats[entry + EXPIRES >> 1] === Infinity) return;
    words[control + SINCE] = words[control + SINCE]! + words[entry + UNITS]!;
  }

  /** Writes a new entry into free memory. */
  #write(shard: Shard, at: number, units: number, draft: Draft): void {
    const { words, floats } = shard.memory;
    const { key } = this.#core;
    words[at + UNITS] = units;
    words[at + HASH] = key.hash;
    words[at + NEXT] = 0;
    for (let i = 0; i < key.length; i++) {
      words[at + KEY + i] = i < key.key.length ? key.key.words[i]! : 0;
    }
    this.#fill(shard, at, draft);
    fence();
    floats[at >> 1] = shard.nextVersion();
  }

  /** Writes all that a rewrite changes, but for the version. */
  #fill(shard: Shard, at: number, draft: Draft): void {
    const { words, bytes } = shard.memory;
    const { key } = this.#core;
    words[at + INFO] = key.info | draft.bits;
    words[at + VALUE_LENGTH] = draft.byteLength;
    words[at + EPOCH] = words[NAMESPACES + NAMESPACE_LENGTH * key.namespace + NAMESPACE_EPOCH]!;
    this.#fillTimes(shard, at, draft);
    bytes.set(draft.value, 4 * (at + KEY + key.length));
  }

  #fillTimes({ memory: { floats } }: Shard, at: number, { ttl, staleFor }: Draft): void {
    floats[at + EXPIRES >> 1] = ttl === Infinity ? Infinity : Date.now() + ttl;
    floats[at + STALE_FOR >> 1] = staleFor;
  }

  /** Readers wait, or try again, until it is whole. If this process dies meanwhile, it is lost. */
  #overwrite(shard: Shard, entry: number, draft: Draft): void {
    const { floats } = shard.memory;
    const version = shard.nextVersion();
    floats[entry >> 1] = -version - 0.5;
    fence();
    this.#fill(shard, entry, draft);
    fence();
    shard.memory.check();
    floats[entry >> 1] = version;
    this.#core.counts.inPlace++;
    if (shard.isMain(entry)) this.#noteExpiry(shard, entry);
  }

  /** Whether both values are 8 bytes long, so that one store replaces the other. */
  #isNumber(shard: Shard, entry: number, { byteLength, bits }: Draft): boolean {
    const { words } = shard.memory;
    return byteLength === 8 && bits === 0 && words[entry + VALUE_LENGTH] === 8 &&
      this.isPresent(shard, entry);
  }

  #replaceNumber(shard: Shard, entry: number, draft: Draft): void {
    const { words } = shard.memory;
    const { value } = draft;
    for (let i = 0; i < 8; i++) eightBytes[i] = value[i]!;
    this.#fillTimes(shard, entry, draft);
    // A string and its bytes are one key, which is given back as it was set.
    words[entry + INFO] = this.#core.key.info;
    this.replaceNumber(shard, entry, eight[0]!);
    if (shard.isMain(entry)) this.#noteExpiry(shard, entry);
  }

  /** Replaces a number. It is whole at any time, and never of another version for readers. */
  replaceNumber(shard: Shard, entry: number, value: number): void {
    const { words, floats } = shard.memory;
    const version = shard.nextVersion();
    floats[entry >> 1] = -version;
    fence();
    floats[valueAt(words, entry) >> 1] = value;
    fence();
    shard.memory.check();
    floats[entry >> 1] = version;
    this.#core.counts.inPlace++;
  }

  /** The number that the value of an entry is; undefined if it is none. */
  numberOf(shard: Shard, entry: number): number | undefined {
    const { words, floats } = shard.memory;
    return words[entry + VALUE_LENGTH] === 8 ? floats[valueAt(words, entry) >> 1] : undefined;
  }

  /** Changes when an entry expires, and nothing else. */
  touch(shard: Shard, entry: number, ttl: number): void {
    const { floats } = shard.memory;
    floats[entry + EXPIRES >> 1] = ttl === Infinity ? Infinity : Date.now() + ttl;
    if (shard.isMain(entry)) this.#noteExpiry(shard, entry);
  }

  /** Calls `visit` with each entry of a bucket, and its slot. */
  eachOf(shard: Shard, bucket: number, visit: (entry: number, slot: number) => void): void {
    const { words } = shard.memory;
    const first = shard.cells + BUCKET_LENGTH * bucket;
    for (let cell = first; cell < first + BUCKET_LENGTH; cell += 2) {
      let slot = cell;
      for (let hops = 0;; hops++) {
        const link = words[slot]!;
        const entry = shard.entryAt(link);
        if (entry === 0) break;
        if (hops > shard.units || !isSound(shard, entry)) shard.fail();
        const next = entry + NEXT;
        visit(entry, slot);
        // If it was taken out, another one has come into its slot.
        if ((words[slot]! & ~CHAIN_BIT) === (link & ~CHAIN_BIT)) slot = next;
      }
    }
  }
}

const eight = new Float64Array(1);
const eightBytes = new Uint8Array(eight.buffer);
