/** The options of a channel, checked. */

import { checkOptions, choice, flag, type Names } from "../check/options.ts";
import { wholeNumber } from "../check/numbers.ts";
import type { WaitMode } from "./waiting.ts";
import type { Geometry } from "./header.ts";
import {
  LARGEST_CAPACITY,
  LEAST_CAPACITY,
  MANY_CONSUMERS_BIT,
  MANY_PRODUCERS_BIT,
} from "./layout.ts";
import { PLACE, type PlaceOptions } from "./place.ts";

/** Options of everyone who uses a channel, whoever made it. */
export interface JoinOptions {
  /**
   * How the blocking calls wait.
   *
   * - "adaptive": they look for some microseconds, then they sleep.
   * - "block": they sleep at once.
   * - "spin": they look without end. Only where this thread has a processor core to itself.
   *
   * Awaited calls sleep off the event loop; but for "block", they look for up to 0.1 ms before, where
   * that was of use lately.
   * @default {"adaptive"}
   */
  wait?: "adaptive" | "block" | "spin";
  /**
   * Whether received messages of up to 1 KiB share buffers, as Node's `Buffer`s do: five times as
   * quick to receive. `message.buffer` then is more than the message (look at `message.byteOffset`),
   * cannot be transferred to a Worker, and is kept as long as any message in it.
   * @default {false}
   */
  pooled?: boolean;
}

/** What is the same for all who use a channel. */
export interface ShapeOptions extends JoinOptions {
  /** The length of the ring in bytes: rounded up to a power of two, at least 4096. */
  capacity?: number;
  /**
   * How many may send: "single" is quicker.
   * @default {"single"}
   */
  producers?: "single" | "multiple";
  /**
   * How many may receive, each message one of them: "single" is quicker.
   * @default {"single"}
   */
  consumers?: "single" | "multiple";
}

/** Options of `Channel.create`. */
export interface ChannelOptions extends ShapeOptions, PlaceOptions {
  /** The length of the ring in bytes: rounded up to a power of two, at least 4096. */
  capacity: number;
}

/** The options of who joins. */
export const JOIN: Names<JoinOptions> = { wait: true, pooled: true };
/** The options of a shape. */
export const SHAPE: Names<ShapeOptions> = {
  ...JOIN,
  capacity: true,
  producers: true,
  consumers: true,
};
/** The options of who makes a channel. */
export const CREATE: Names<ChannelOptions> = { ...SHAPE, ...PLACE };

/** @throws {RangeError} If it is out of range. */
export function capacityFrom(value: unknown, action: string): number {
  const wanted = wholeNumber(value, "capacity", action, 1, LARGEST_CAPACITY);
  let capacity = LEAST_CAPACITY;
  while (capacity < wanted) capacity *= 2;
  return capacity;
}

/** @throws {TypeError} If an option is none of its values. */
export function flagsFrom({ producers, consumers }: ShapeOptions, action: string): number {
  return (isMultiple(producers, "producers", action) ? MANY_PRODUCERS_BIT : 0) |
    (isMultiple(consumers, "consumers", action) ? MANY_CONSUMERS_BIT : 0);
}

function isMultiple(value: unknown, name: string, action: string): boolean {
  return choice(value, ["single", "multiple"], name, action) === "multiple";
}

const WAIT_MODES: readonly WaitMode[] = ["adaptive", "block", "spin"];

/** How one object uses a channel. */
export interface Manner {
  readonly mode: WaitMode;
  readonly pooled: boolean;
}

/**
 * @param names all options that there may be, those of others too
 * @throws {TypeError} If there is no such option, or one is none of its values.
 */
export function mannerFrom<T extends JoinOptions>(
  options: T,
  names: Names<T>,
  action: string,
): Manner {
  checkOptions(options, names, action);
  const mode = choice(options.wait, WAIT_MODES, "wait", action) ?? "adaptive";
  return { mode, pooled: flag(options.pooled, "pooled", action, false) };
}

/**
 * The geometry for a place in a region: what the options say, and else what is there.
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
      `Cannot place channel as it needs at least ${LEAST_CAPACITY} bytes behind its header: ` +
        `the region has ${Math.max(0, available)}`,
    );
  }
  let capacity = LEAST_CAPACITY;
  while (2 * capacity <= Math.min(available, LARGEST_CAPACITY)) capacity *= 2;
  return capacity;
}
