/**
 * What happened in a cache, of all processes. An isolate counts for itself and adds it to the shared
 * words when it is done with what it is doing, so that look-ups write nothing that others read.
 */

import type { MmapRegion } from "../../region/mmap_region.ts";
import { ownView } from "../../region/own_view.ts";
import { COUNTS_BYTE_OFFSET } from "./cache_layout.ts";

/** In the order of their words. */
const NAMES = [
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
] as const;

/** The counts, by their names. */
export type CountTable = { [Name in typeof NAMES[number]]: number };

/** The names, for whoever only looks. */
export const COUNT_NAMES: readonly (keyof CountTable)[] = NAMES;

/** Operations after which an isolate adds its counts, even if it goes on. */
const MOST = 4096;
const FIRST = COUNTS_BYTE_OFFSET / 8;

/** The counts of this isolate that are not added yet. */
export class Counts implements CountTable {
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
  table(): CountTable {
    this.add();
    const cells = ownView(this.#region, BigInt64Array);
    return Object.fromEntries(
      NAMES.map((name, i) => [name, Number(Atomics.load(cells, FIRST + i))]),
    ) as CountTable;
  }
}
