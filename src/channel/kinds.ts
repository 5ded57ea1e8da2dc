/** The kinds of channels. */

import { type Kind, magicOf } from "./header.ts";
import { LARGEST_CAPACITY, LEAST_CAPACITY } from "./layout.ts";
import type { Placed } from "./place.ts";

/** A queue of messages. */
export const CHANNEL: Kind = { name: "channel", magic: magicOf("MCHN"), version: 3 };

/** A value that newer ones replace. */
export const LATEST: Kind = { name: "latest value", magic: magicOf("MLAT"), version: 3 };

/** The meeting place of a server and its clients. */
export const SERVER: Kind = { name: "server", magic: magicOf("MSRV"), version: 3 };

/** Messages from one writer to many readers. */
export const BROADCAST: Kind = { name: "broadcast", magic: magicOf("MBRC"), version: 3 };

/** @throws {Deno.errors.InvalidData} If no ring can have that capacity. */
export function checkCapacity(placed: Placed, kind: Kind): Placed {
  const { capacity } = placed.geometry;
  const isPowerOfTwo = (capacity & (capacity - 1)) === 0;
  if (isPowerOfTwo && capacity >= LEAST_CAPACITY && capacity <= LARGEST_CAPACITY) return placed;
  throw new Deno.errors.InvalidData(
    `Cannot open ${kind.name}: its header is damaged, a capacity of ${capacity} bytes is not possible`,
  );
}
