/** A shard of a cache: where its parts lie, and its index. */

import type { MmapRegion } from "../../region/mmap_region.ts";
import { attemptSync } from "../../wait/attempt.ts";
import { LockAttempt } from "../../wait/lock_attempt.ts";
import { fence } from "../../wait/order.ts";
import { FOR_EVER } from "../../wait/patience.ts";
import { RegionWords } from "../../wait/region_words.ts";
import { RobustWord } from "../../wait/robust_word.ts";
import { invalid } from "../header.ts";
import type { RegionMemory } from "../region_memory.ts";
import type { CacheLayout } from "./cache_geometry.ts";
import {
  BUCKET_LENGTH,
  CELLS,
  CHAIN_BIT,
  GIVEN_UP,
  HASH,
  LARGEST,
  LEAST_UNITS,
  MAIN_PAD,
  MAIN_TAIL,
  NEXT,
  NEXT_LOOK,
  PAD,
  SMALL_PAD,
  SMALL_TAIL,
  UNIT_LENGTH,
  UNITS,
  VERSION,
} from "./cache_layout.ts";

/** One of the two rings. */
export interface Ring {
  /** Its first unit, and how many there are. */
  readonly start: number;
  readonly units: number;
  /** The words of its tail and head, from the beginning of the cache. */
  readonly tail: number;
  readonly head: number;
  /** How many units at its end its head has left out on its last turn. */
  readonly pad: number;
}

/** The offsets of a shard, in words from the beginning of the cache, and its lock. */
export class Shard {
  readonly control: number;
  readonly cells: number;
  readonly buckets: number;
  readonly ghosts: number;
  /** In bytes. */
  readonly uses: number;
  readonly data: number;
  readonly units: number;
  readonly small: Ring;
  readonly main: Ring;
  readonly memory: RegionMemory;
  readonly #lock: RobustWord;
  readonly #bucketPerHash: number;

  constructor(memory: RegionMemory, region: MmapRegion, layout: CacheLayout, index: number) {
    const { smallUnits, mainUnits } = layout;
    const first = layout.shard(index);
    const controls = layout.controls(index);
    this.memory = memory;
    this.control = controls / 4;
    this.cells = first;
    this.buckets = layout.buckets;
    this.ghosts = first + layout.ghosts;
    this.uses = 4 * (first + layout.uses);
    this.data = first + layout.data;
    this.units = smallUnits + mainUnits;
    this.small = this.#ring(0, smallUnits, SMALL_TAIL, SMALL_PAD);
    this.main = this.#ring(smallUnits, mainUnits, MAIN_TAIL, MAIN_PAD);
    this.#lock = new RobustWord(new RegionWords(region, controls, 64, "use cache"), 0);
    this.#bucketPerHash = layout.buckets / 2 ** 32;
  }

  #ring(start: number, units: number, tail: number, pad: number): Ring {
    return {
      start,
      units,
      tail: this.control + tail,
      head: this.control + tail + 1,
      pad: this.control + pad,
    };
  }

  /**
   * Takes the lock.
   *
   * @throws {Deno.errors.Busy} If this isolate holds it.
   * @throws {Deno.errors.TimedOut}
   */
  lock(timeoutMs: number = Infinity): void {
    this.memory.check();
    if (this.#lock.tryTake()) return;
    if (this.#lock.isOwn) {
      throw new Deno.errors.Busy("Cannot use cache: this isolate is changing an entry");
    }
    const patience = timeoutMs === Infinity
      ? FOR_EVER
      : { deadline: performance.now() + timeoutMs, signal: undefined };
    const taken = attemptSync(new LockAttempt(this.#lock, "use cache"), patience);
    // The counts of a dead writer may be wrong. Nothing else has to be repaired.
    if (taken === "recovered") this.memory.floats[this.control + NEXT_LOOK >> 1] = 0;
  }

  /** If the memory was lost, the lock is given up instead of given back. */
  unlock(): void {
    try {
      this.memory.check();
    } finally {
      this.#lock.release();
    }
  }

  /** The next version, which no other entry of this shard ever had. */
  nextVersion(): number {
    const { floats } = this.memory;
    const at = this.control + VERSION >> 1;
    const next = floats[at]! + 1;
    // Before it is used: a writer that dies must not leave it to the next one.
    floats[at] = next;
    return isVersion(next) ? next : this.fail();
  }

  /** The first cell of a hash's bucket. */
  bucketOf(hash: number): number {
    return this.cells + Math.floor((hash >>> 0) * this.#bucketPerHash) * BUCKET_LENGTH;
  }

  /** The offset of the entry that a link names; 0 if no entry can be there. */
  entryAt(link: number): number {
    const unit = (link & ~CHAIN_BIT) - 1;
    return unit >= 0 && unit <= this.units - LEAST_UNITS ? this.data + UNIT_LENGTH * unit : 0;
  }

  /** The link that names an entry. */
  linkOf(entry: number): number {
    return (entry - this.data) / UNIT_LENGTH + 1;
  }

  /** The byte that counts the uses of an entry. */
  useOf(entry: number): number {
    return this.uses + (entry - this.data >>> 4);
  }

  /** Whether an entry lies in the main ring. */
  isMain(entry: number): boolean {
    return entry >= this.data + UNIT_LENGTH * this.main.start;
  }

  /** The word whose link names an entry; 0 if none does. The lock is held. */
  slotOf(entry: number): number {
    const { words } = this.memory;
    const link = this.linkOf(entry);
    const bucket = this.bucketOf(words[entry + HASH]!);
    const last = bucket + BUCKET_LENGTH - 2;
    for (let cell = bucket; cell <= last; cell += 2) {
      if ((words[cell]! & ~CHAIN_BIT) === link) return cell;
    }
    if (words[last]! >= 0) return 0;
    let slot = last;
    for (let hops = 0; hops <= this.units; hops++) {
      const other = this.entryAt(words[slot]!);
      if (other === 0) return 0;
      slot = other + NEXT;
      if (words[slot] === link) return slot;
    }
    return this.fail();
  }

  /** A slot for a new key, and the link that comes after it. The lock is held. */
  freeSlot(hash: number): number {
    const { words } = this.memory;
    const bucket = this.bucketOf(hash);
    for (let cell = bucket; cell < bucket + 2 * CELLS; cell += 2) {
      if (words[cell] === 0) return cell;
    }
    return bucket + BUCKET_LENGTH - 2;
  }

  /** Makes an entry visible in a slot, in place of what is there. */
  setSlot(slot: number, link: number): void {
    const { words } = this.memory;
    this.memory.check();
    // Pairs with the loads in `Lookup`: whoever sees the link sees the whole entry.
    Atomics.store(words, slot, link | words[slot]! & CHAIN_BIT);
    fence();
  }

  /** Makes an entry visible in a slot that `freeSlot` gave. */
  addTo(slot: number, entry: number, hash: number): void {
    const { words } = this.memory;
    const there = words[slot]!;
    words[entry + NEXT] = there & ~CHAIN_BIT;
    if (there === 0) words[slot + 1] = hash;
    this.memory.check();
    // As in `setSlot`.
    Atomics.store(words, slot, this.linkOf(entry) | (there === 0 ? 0 : CHAIN_BIT));
    fence();
  }

  /** Takes an entry out of the index. */
  unlink(slot: number, entry: number): void {
    const { words } = this.memory;
    const next = words[entry + NEXT]!;
    this.memory.check();
    Atomics.store(words, slot, next === 0 ? 0 : next | words[slot]! & CHAIN_BIT);
    fence();
    const last = this.bucketOf(words[entry + HASH]!) + BUCKET_LENGTH - 2;
    if (words[last]! < 0) this.#shorten(last);
  }

  /** If only one entry is left in a chain, its cell becomes one like the others. */
  #shorten(cell: number): void {
    const { words } = this.memory;
    const entry = this.entryAt(words[cell]!);
    if (entry === 0 || words[entry + NEXT] !== 0) return;
    // Nobody looks at the hash as long as CHAIN_BIT is set.
    words[cell + 1] = words[entry + HASH]!;
    Atomics.store(words, cell, words[cell]! & ~CHAIN_BIT);
  }

  /** Lets readers know that an entry that no slot names is not to be trusted any more. */
  giveUp(entry: number): void {
    this.memory.floats[entry >> 1] = GIVEN_UP;
    // Pairs with the last look of a reader: this comes before its bytes are overwritten.
    fence();
  }

  /** The largest entry that was ever here, in units. */
  get largest(): number {
    return Math.min(
      this.memory.words[this.control + LARGEST]! >>> 0,
      Math.floor(this.main.units / 3),
    );
  }

  /**
   * Whether the length of an entry can be right: it ends before the head, or else the ring. A tail
   * that jumped over the head would go around for ever.
   */
  isWhole(entry: number, ring: Ring): boolean {
    const { words } = this.memory;
    const units = words[entry + UNITS]! >>> 0;
    const unit = (entry - this.data) / UNIT_LENGTH - ring.start;
    const head = words[ring.head]!;
    return units >= LEAST_UNITS && unit + units <= (unit < head ? head : ring.units);
  }

  /** Empties a shard that is damaged, so that it can be used again. @throws {Deno.errors.InvalidData} */
  fail(): never {
    const { words, floats } = this.memory;
    words.fill(0, this.cells, this.ghosts);
    for (const { head, tail, pad, start } of [this.small, this.main]) {
      words[head] = words[tail] = words[pad] = 0;
      floats[this.data + UNIT_LENGTH * start >> 1] = PAD;
    }
    words[this.control + LARGEST] = 0;
    floats[this.control + NEXT_LOOK >> 1] = 0;
    if (!isVersion(floats[this.control + VERSION >> 1]!)) floats[this.control + VERSION >> 1] = 0;
    throw damaged();
  }
}

/** Whether a number can be the version of an entry, or none yet. */
function isVersion(version: number): boolean {
  return version >= 0 && version < 2 ** 52 && Number.isInteger(version);
}

/** The error for a shard that nobody can have written so. */
export function damaged(): Error {
  return invalid("use cache", "it is damaged");
}
