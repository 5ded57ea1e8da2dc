/** Which pages of regions are locked in memory. */

import type { MmapRegion } from "@mmap/mmap";
import { PAGE } from "./_pages.ts";
import { mappingAt } from "./_process.ts";
import { addressOfRegion } from "./_regions.ts";
import { watchLocks } from "./_windows_library.ts";

/** Tells of regions that are made after it, until it is disposed of. */
export interface LockedPages extends Disposable {
  /** Each page of a region that begins with a page. */
  of(region: MmapRegion): boolean[];
}

/** Linux says in /proc which pages are locked. On Windows, which does not, the calls are watched. */
export function lockedPages(): LockedPages {
  const watched = Deno.build.os === "windows" ? watchLocks() : undefined;
  const isLocked = (address: bigint): boolean =>
    watched?.has(address) ?? mappingAt(address).flags.includes("lo");
  return {
    of: (region) =>
      Array.from(
        { length: Math.ceil(region.byteLength / PAGE) },
        (_, page) => isLocked(addressOfRegion(region) + BigInt(page * PAGE)),
      ),
    [Symbol.dispose]: () => watched?.[Symbol.dispose](),
  };
}
