/**
 * What happened in a cache, of all processes. An isolate counts for itself and adds it to the shared
 * words when it is done with what it is doing, so that look-ups write nothing that others read.
 */

import type { MmapRegion } from "../../region/mmap_region.ts";
import { ownView } from "../../region/own_view.ts";
import { COUNTS_BYTE_OFFSET } from "./cache_layout.ts";

/** What happened in a cache, of all processes. */
export interface CacheCounts {
  /** Look-ups that found a value. */
  hits: number;
  /** Look-ups that found none. */
  misses: number;
  /** Look-ups that found only a stale value. */
  stale: number;
  /** Values that were set. */
  sets: number;
  /** Those of them that were written where the old one was. */
  inPlace: number;
  /** Entries that were pushed out alive, to make room. */
  evicted: number;
  /** Entries that were freed after their time. */
  expired: number;
  /** Values that were too long. */
  rejected: number;
  /** Entries that the index had no room for: always 0, as it grows with them. */
  crowdedOut: number;
  /** Entries that were copied to another place, to make room. */
  moved: number;
  /** Values that were computed by `getOrCompute`. */
  flights: number;
  /** Those of them that a process computed in place of one that had died. */
  handedOver: number;
}

/** In the order of their words. */
const NAMES: readonly (keyof CacheCounts)[] = [
  "hits",
  "misses",
  "stale",
  "sets",
  "inPlace",
  "evicted",
  "expired",
  "rejected",
  "crowdedOut",
  "moved",
  "flights",
  "handedOver",
];

/** The names, for whoever only looks. */
export const COUNT_NAMES: readonly (keyof CacheCounts)[] = NAMES;

/** Operations after which an isolate adds its counts, even if it goes on. */
const MOST = 4096;
const FIRST = COUNTS_BYTE_OFFSET / 8;

/** The counts of this isolate that are not added yet. */
export class Counts implements CacheCounts {
  hits = 0;
  misses = 0;
  stale = 0;
  sets = 0;
  inPlace = 0;
  evicted = 0;
  expired = 0;
  rejected = 0;
  crowdedOut = 0;
  moved = 0;
  flights = 0;
  handedOver = 0;
  #operations = 0;
  readonly #region: MmapRegion;

  constructor(region: MmapRegion) {
    this.#region = region;
  }

  /** Must be called by each operation. */
  note(): void {
    if (this.#operations++ === 0) queueMicrotask(() => this.add());
    else if (this.#operations > MOST) this.add();
  }

  /** Adds them to those of all, if the region is still open. */
  add(): void {
    this.#operations = 0;
    if (this.#region.closed) return;
    const cells = ownView(this.#region, BigInt64Array);
    NAMES.forEach((name, i) => {
      if (this[name] === 0) return;
      Atomics.add(cells, FIRST + i, BigInt(this[name]));
      this[name] = 0;
    });
  }

  /** Those of all processes. */
  table(): CacheCounts {
    this.add();
    const cells = ownView(this.#region, BigInt64Array);
    return Object.fromEntries(
      NAMES.map((name, i) => [name, Number(Atomics.load(cells, FIRST + i))]),
    ) as unknown as CacheCounts;
  }
}
