/**
 * Synchronisation between processes, in shared memory: locks that survive the death of their
 * holder, and waits that leave the event loop free.
 *
 * A primitive lies at a place in a region: `new Mutex(region, byteOffset)`. All objects at one
 * place, in any process or Worker, are one primitive. All-zero memory is the initial state, so no
 * process has to set it up first. Each takes `byteLength` bytes at a multiple of 64.
 *
 * ```ts
 * import { MmapRegion } from "@mmap/mmap";
 * import { Mutex } from "@mmap/mmap/sync";
 * import { assertEquals } from "@std/assert";
 *
 * using region = MmapRegion.anonymous(4096);
 * const mutex = new Mutex(region, 0);
 * using guard = await mutex.lock({ timeoutMs: 1000 });
 * assertEquals(guard.ownerDied, false);
 * ```
 *
 * **Lost pages.** Once this process has lost a page of a primitive (its file was truncated, or its
 * disk was full or failed), every operation on it throws `MappingFaultError`, including calls that
 * wait: they would continue alone. What was held there is given up: the next holder, in another
 * process, gets `ownerDied: true`. Unlocking throws nothing. `region.repair()` heals, once the file
 * has its length again; locks that were held before are not held any more. Forbidden writes that
 * were absorbed, and lost pages elsewhere in the region, do not count.
 *
 * The names of blocking calls end in `Sync`; those of awaited ones do not. Without contention, both
 * are only atomic operations.
 *
 * @module
 */

export { Barrier } from "./barrier.ts";
export { Condition } from "./condition.ts";
export { Futex } from "./futex.ts";
export {
  layOut,
  type LayoutPart,
  type LayoutShape,
  type MemoryLayout,
  type PlacedLayout,
  type PlacedPart,
} from "./lay_out.ts";
export type { LockHolder } from "../wait/holder.ts";
export { Mutex, type MutexGuard } from "./mutex.ts";
export { Once } from "./once.ts";
export type { SyncWaitOptions, WaitOptions } from "../wait/patience.ts";
export type { SyncMemory } from "../wait/place.ts";
export { type ReadGuard, RwLock, type WriteGuard } from "./rw_lock.ts";
export { Semaphore } from "./semaphore.ts";
export { SharedEvent, type SharedEventOptions } from "./shared_event.ts";
export type { WaitResult } from "../wait/words.ts";
