/** The place of a collection with a lock: a file of its own, or a region of the caller. */

import { pathOf } from "../object/path.ts";
import { backingOf, MmapRegion } from "../region/mmap_region.ts";
import { ownView } from "../region/own_view.ts";
import { reserve } from "../region/reserve.ts";
import { Mutex } from "../sync/mutex.ts";
import {
  type Header,
  HEADER_BYTE_LENGTH,
  invalid,
  type Kind,
  MUTEX_BYTE_OFFSET,
  readHeader,
  writeHeader,
} from "./header.ts";
import { type Fresh, mapObject, openCollection } from "./collection_file.ts";

/** What to open, and what to create if nothing is there. */
interface PlacePlan {
  readonly target: string | URL | MmapRegion;
  readonly kind: Kind;
  readonly action: string;
  readonly writable: boolean;
  readonly create: boolean;
  /**
   * @param available the length of the region in bytes; undefined for a file
   * @throws {RangeError} If the region is too short.
   */
  readonly fresh: (available: number | undefined) => Fresh;
}

/** A region with a collection in it. */
export interface Place {
  readonly region: MmapRegion;
  /** Whether the region was opened here, and so is closed with the collection. */
  readonly owned: boolean;
  readonly header: Header;
}

/**
 * Opens a collection or creates it.
 *
 * @throws {Deno.errors.InvalidData} If something else is there.
 */
export function openPlace(plan: PlacePlan): Place {
  const { target, kind, action } = plan;
  if (target instanceof MmapRegion) {
    if (target.access !== "read") makeInZeros(target, plan);
    return {
      region: target,
      owned: false,
      header: readHeader(headerWords(target, plan), kind, action),
    };
  }
  const path = pathOf(target);
  const { writable, create } = plan;
  const fresh = (): Fresh => plan.fresh(undefined);
  const file = openCollection({ path, action, writable, create, exclusive: false, fresh });
  const region = mapObject(file, path, writable);
  try {
    return { region, owned: true, header: readHeader(headerWords(region, plan), kind, action) };
  } catch (error) {
    region.close();
    throw error;
  }
}

function headerWords(region: MmapRegion, { action, target, fresh }: PlacePlan): Int32Array {
  if (region.byteLength >= HEADER_BYTE_LENGTH) return ownView(region, Int32Array);
  if (target instanceof MmapRegion) fresh(region.byteLength); // says what it needs
  throw invalid(action, `the region is too short to hold a collection`);
}

/** The error for a region that is shorter than a new collection. */
export function tooShort(action: string, available: number, needed: number): RangeError {
  return new RangeError(
    `Cannot ${action} as the region of ${available} bytes is too short: ${needed} are needed`,
  );
}

/** Creates the collection in all-zero memory. A second process finds it complete. */
function makeInZeros(region: MmapRegion, plan: PlacePlan): void {
  const words = headerWords(region, plan);
  if (Atomics.load(words, 0) !== 0) return;
  const { header, byteLength, fill } = plan.fresh(region.byteLength);
  reserve(backingOf(region), 0, byteLength);
  using _guard = new Mutex(region, MUTEX_BYTE_OFFSET).lockSync();
  if (Atomics.load(words, 0) !== 0) return;
  // A creator that died before it wrote the header's first word has left other words, which are
  // written again.
  const data = words.subarray(HEADER_BYTE_LENGTH / 4, byteLength / 4);
  if (data.some((word) => word !== 0)) throw invalid(plan.action, "its memory is not all zeros");
  fill?.(words);
  writeHeader(words, header);
}
