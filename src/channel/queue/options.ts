/** The options of a queue, checked. */

import { choice, type Names } from "../../check/options.ts";
import type { Geometry } from "../header.ts";
import { LARGEST_CAPACITY, LEAST_CAPACITY } from "../layout.ts";
import { CHANNEL, checkCapacity } from "../kinds.ts";
import { capacityFrom, JOIN, type JoinOptions } from "../options.ts";
import { PLACE, type Placed, type PlaceOptions } from "../place.ts";
import { MANY_CONSUMERS_BIT, MANY_PRODUCERS_BIT } from "./queue_layout.ts";

/** The options that have to be the same for all users of a channel. */
export interface ShapeOptions extends JoinOptions {
  /** The length of the ring in bytes: rounded up to a power of two, at least 4096. */
  capacity?: number;
  /**
   * How many may send: "single" is faster.
   * @default {"single"}
   */
  producers?: "single" | "multiple";
  /**
   * How many may receive, where one of them gets each message: "single" is faster.
   * @default {"single"}
   */
  consumers?: "single" | "multiple";
}

/** Options of `Channel.create`. */
export interface ChannelOptions extends ShapeOptions, PlaceOptions {
  /** The length of the ring in bytes: rounded up to a power of two, at least 4096. */
  capacity: number;
}

/** The options of a shape. */
export const SHAPE: Names<ShapeOptions> = {
  ...JOIN,
  capacity: true,
  producers: true,
  consumers: true,
};

/** The options for creating a channel. */
export const CREATE: Names<ChannelOptions> = { ...SHAPE, ...PLACE };

/** @throws {TypeError} If an option does not have one of its values. */
export function flagsFrom({ producers, consumers }: ShapeOptions, action: string): number {
  return (isMultiple(producers, "producers", action) ? MANY_PRODUCERS_BIT : 0) |
    (isMultiple(consumers, "consumers", action) ? MANY_CONSUMERS_BIT : 0);
}

function isMultiple(value: unknown, name: string, action: string): boolean {
  return choice(value, ["single", "multiple"], name, action) === "multiple";
}

/**
 * The geometry of a queue in a region: from the options, or else from an existing queue.
 *
 * @param available how many bytes there are for a ring
 */
export function geometryOver(
  options: ShapeOptions,
  available: number,
  found: Geometry | undefined,
): Geometry {
  const action = "place channel";
  const { capacity, producers, consumers } = options;
  const saysWho = producers !== undefined || consumers !== undefined;
  const flags = flagsFrom({ producers, consumers } as ShapeOptions, action);
  return {
    capacity: capacity === undefined
      ? found?.capacity ?? largestIn(available)
      : capacityFrom(capacity, action),
    flags: found === undefined || saysWho ? flags : found.flags,
  };
}

function largestIn(available: number): number {
  if (available < LEAST_CAPACITY) {
    throw new RangeError(
      `Cannot place channel as it needs at least ${LEAST_CAPACITY} bytes after its header: ` +
        `the region has ${Math.max(0, available)}`,
    );
  }
  let capacity = LEAST_CAPACITY;
  while (2 * capacity <= Math.min(available, LARGEST_CAPACITY)) capacity *= 2;
  return capacity;
}

/**
 * @param wanted the required layout of its messages, by default any
 * @throws {Deno.errors.InvalidData} If they have another layout, or no channel can have that
 * capacity.
 */
export function checkGeometry(placed: Placed, wanted?: bigint): Placed {
  const { layout = 0n } = placed.geometry;
  if (wanted !== undefined && layout !== wanted) {
    throw new Deno.errors.InvalidData(
      `Cannot attach to channel: its messages have ${layout === 0n ? "no" : "another"} layout`,
    );
  }
  return checkCapacity(placed, CHANNEL);
}
