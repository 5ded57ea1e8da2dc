/** The place of a channel: memory of its own, found by handle, by name or by path. */

import type { Names } from "../check/options.ts";
import { isSystemError } from "../os/mod.ts";
import { backingOf, MmapRegion } from "../region/mmap_region.ts";
import { reserve } from "../region/reserve.ts";
import { placeOffset } from "../wait/place.ts";
import { ChannelWords } from "./channel_words.ts";
import { findHeader, type Geometry, type Kind, makeHeader } from "./header.ts";
import { HEADER_BYTE_LENGTH } from "./layout.ts";

/**
 * The place of a new channel. By default it is anonymous memory, which others reach by its handle.
 */
export interface PlaceOptions {
  /** A name of shared memory: see `MmapRegion.named`. */
  name?: string;
  /** A file, which keeps messages that were not received yet: see `MmapRegion.open`. */
  path?: string | URL;
}

/** The options of a place. */
export const PLACE: Names<PlaceOptions> = { name: true, path: true };

/** A channel of any kind, in a region. */
export interface Placed {
  readonly region: MmapRegion;
  readonly byteOffset: number;
  readonly words: ChannelWords;
  readonly geometry: Geometry;
}

/** Creates a channel, or joins an existing one of the same geometry. */
export function createPlaced(options: PlaceOptions, kind: Kind, geometry: Geometry): Placed {
  const byteLength = HEADER_BYTE_LENGTH + geometry.capacity;
  const region = openRegion(options, kind, byteLength);
  return closingOnError(region, () => {
    if (region.byteLength !== byteLength) {
      throw new Deno.errors.AlreadyExists(
        `Cannot create ${kind.name} of ${byteLength} bytes: ` +
          `something of ${region.byteLength} bytes is there`,
      );
    }
    return placeOver(region, 0, kind, geometry);
  });
}

function openRegion(
  { name, path }: PlaceOptions,
  kind: Kind,
  byteLength: number,
): MmapRegion {
  if (name !== undefined && path !== undefined) {
    throw new TypeError(`Cannot create ${kind.name} as it takes a name or a path: received both`);
  }
  if (name !== undefined) {
    return orElse(
      () => MmapRegion.named(name),
      () => MmapRegion.named(name, { create: true, byteLength }),
    );
  }
  if (path !== undefined) {
    return orElse(
      () => MmapRegion.open(path, { access: "read-write" }),
      () => MmapRegion.open(path, { access: "read-write", create: true, byteLength }),
    );
  }
  return MmapRegion.anonymous(byteLength, { label: `mmap ${kind.name}` });
}

/** Opens an existing file unchanged, so that a foreign file is never extended. */
function orElse(open: () => MmapRegion, create: () => MmapRegion): MmapRegion {
  try {
    return open();
  } catch (error) {
    // RangeError: it is empty, as it is for a moment while another process creates it.
    const isMissing = isSystemError(error) && error.code === "ENOENT";
    if (isMissing || error instanceof RangeError) return create();
    throw error;
  }
}

/** Creates a channel at a place in a region, or joins an existing one of the same geometry. */
export function placeOver(
  region: MmapRegion,
  byteOffset: number,
  kind: Kind,
  geometry: Geometry,
): Placed {
  const byteLength = HEADER_BYTE_LENGTH + geometry.capacity;
  const words = wordsAt(region, byteOffset, byteLength, kind);
  const reserveAll = (): void => reserve(backingOf(region), byteOffset, byteLength);
  const makeReserved = (): Geometry => {
    reserveAll();
    return makeHeader(words, kind, geometry);
  };
  const found = findHeader(words, kind) ?? makeReserved();
  if (found.capacity !== geometry.capacity || found.flags !== geometry.flags) {
    throw new Deno.errors.AlreadyExists(
      `Cannot create ${kind.name}: there is one of ${describe(found)}, ` +
        `and one of ${describe(geometry)} was asked for`,
    );
  }
  if ((found.layout ?? 0n) !== (geometry.layout ?? 0n)) {
    throw new Deno.errors.AlreadyExists(
      `Cannot create ${kind.name}: there is one whose messages have another layout`,
    );
  }
  reserveAll();
  return { region, byteOffset, words, geometry };
}

function describe({ capacity, flags }: Geometry): string {
  return `${capacity} bytes with flags ${flags}`;
}

/** The channel at a place in a region; undefined if nothing was ever created there. */
export function findOver(region: MmapRegion, byteOffset: number, kind: Kind): Placed | undefined {
  const header = wordsAt(region, byteOffset, HEADER_BYTE_LENGTH, kind);
  const geometry = findHeader(header, kind);
  if (geometry === undefined) return undefined;
  const available = region.byteLength - byteOffset - HEADER_BYTE_LENGTH;
  if (!(geometry.capacity > 0 && geometry.capacity <= available)) {
    throw new Deno.errors.InvalidData(
      `Cannot open ${kind.name}: it says that it has ${geometry.capacity} bytes, ` +
        `and the region has room for ${available}`,
    );
  }
  const words = wordsAt(region, byteOffset, HEADER_BYTE_LENGTH + geometry.capacity, kind);
  return { region, byteOffset, words, geometry };
}

/**
 * Opens a channel that another process created. Closes the region if that fails.
 *
 * @param check throws if that kind cannot have that geometry
 * @throws {Deno.errors.InvalidData} If there is no such channel.
 */
export function attachPlaced(
  region: MmapRegion,
  kind: Kind,
  check: (placed: Placed) => Placed,
): Placed {
  return closingOnError(region, () => {
    const found = region.byteLength < HEADER_BYTE_LENGTH ? undefined : tryFind(region, kind);
    if (found !== undefined) return reserved(check(found));
    throw new Deno.errors.InvalidData(
      `Cannot attach to ${kind.name}: the region holds no ${kind.name}`,
    );
  });
}

/** Reserves the memory before anything is written to it. */
function reserved(placed: Placed): Placed {
  const { region, byteOffset, geometry } = placed;
  reserve(backingOf(region), byteOffset, HEADER_BYTE_LENGTH + geometry.capacity);
  return placed;
}

function tryFind(region: MmapRegion, kind: Kind): Placed | undefined {
  try {
    return findOver(region, 0, kind);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new Deno.errors.InvalidData(
      error.message.replace("open", "attach to") + `; the region holds no such ${kind.name}`,
    );
  }
}

/** Closes the region if `action` throws: otherwise nobody would close it. */
export function closingOnError<T>(region: MmapRegion, action: () => T): T {
  try {
    return action();
  } catch (error) {
    region.close();
    throw error;
  }
}

function wordsAt(
  region: MmapRegion,
  byteOffset: number,
  byteLength: number,
  kind: Kind,
): ChannelWords {
  const action = `place ${kind.name}`;
  return new ChannelWords(region, placeOffset(byteOffset, action), byteLength, action);
}
