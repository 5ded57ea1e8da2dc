/** What all views of an open cache share: its memory, its shards, and what this isolate counts. */

import type { MmapRegion } from "../../region/mmap_region.ts";
import { MapKey } from "../map_key.ts";
import { RegionMemory } from "../region_memory.ts";
import type { CacheLayout } from "./cache_geometry.ts";
import { CACHE_SEED, LONGEST_KEY } from "./cache_layout.ts";
import { Counts } from "./counts.ts";
import { CacheKey, Lookup } from "./lookup.ts";
import { Shard } from "./shard.ts";

/** An open cache. */
export class CacheCore {
  readonly region: MmapRegion;
  readonly layout: CacheLayout;
  readonly memory: RegionMemory;
  readonly counts: Counts;
  readonly shards: readonly Shard[];
  /** The key of the operation that is under way. */
  readonly key: CacheKey;
  readonly lookup: Lookup = new Lookup();
  /** Whether the caller's function runs under a lock. */
  #isChanging = false;

  constructor(region: MmapRegion, layout: CacheLayout, pooled: boolean) {
    this.region = region;
    this.layout = layout;
    this.memory = new RegionMemory(region, layout.byteLength, "cache", pooled);
    this.counts = new Counts(region);
    this.key = new CacheKey(new MapKey(LONGEST_KEY, this.memory.words[CACHE_SEED]!));
    const { memory } = this;
    this.shards = Array.from(
      { length: layout.shards },
      (_, index) => new Shard(memory, region, layout, index),
    );
  }

  /**
   * Begins an operation.
   *
   * @throws {Deno.errors.Busy} If it comes from the function that `update` calls.
   * @throws {Deno.errors.BadResource} If the cache is closed.
   */
  enter(action: string): void {
    if (this.#isChanging) {
      throw new Deno.errors.Busy(`Cannot ${action}: an entry of the cache is being updated`);
    }
    this.memory.words;
    this.counts.note();
  }

  /** Runs what the caller gave, under a lock. */
  changing<T>(run: () => T): T {
    this.#isChanging = true;
    try {
      return run();
    } finally {
      this.#isChanging = false;
    }
  }

  /** The shard that a key belongs to: by the lowest bits, as the highest ones choose the bucket. */
  shardOf(hash: number): Shard {
    return this.shards[(hash & 0xffff) * this.shards.length >>> 16]!;
  }

  /** Runs `action` with the lock of a shard held. @throws {Deno.errors.TimedOut} */
  locked<T>(shard: Shard, action: () => T, timeoutMs: number = Infinity): T {
    shard.lock(timeoutMs);
    try {
      return action();
    } finally {
      shard.unlock();
    }
  }
}
