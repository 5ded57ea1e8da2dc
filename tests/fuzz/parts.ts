/** Parts of regions, as the methods that work on pages take them. */

import { type ByteRange, isSystemError } from "@mmap/mmap";
import { arg, bag } from "./hostile.ts";
import { PAGE } from "./object_model.ts";
import { pagesOf } from "./regions.ts";
import { attemptAsync, mustThrow, type Outcome } from "./verdict.ts";
import type { Live, World } from "./world.ts";

/** A part of a region, or what is no part of it. */
export interface Part {
  readonly range: ByteRange | undefined;
  readonly at: number;
  readonly byteLength: number;
  /** Whether it lies in the region. */
  readonly fits: boolean;
}

export function pickPart(world: World, live: Live): Part {
  const { random } = world;
  const all = live.byteLength;
  if (random.once(3)) return { range: undefined, at: 0, byteLength: all, fits: true };
  const at = random.int(0, random.once(10) ? all + 5 : all - 1);
  const rest = random.once(3);
  const byteLength = rest
    ? all - at
    : random.size(Math.max(1, all - at) + (random.once(10) ? 9 : 0));
  const range = rest ? { byteOffset: at } : { byteOffset: at, byteLength };
  return { range, at, byteLength, fits: byteLength > 0 && at + byteLength <= all };
}

/** What every method of this kind does with a closed region and with a range outside of it. */
export function refused(world: World, live: Live, part: Part, outcome: Outcome<unknown>): boolean {
  // A system error may come in the middle of the work; any other one, before it.
  if (!world.tame) return !outcome.ok && !isSystemError(outcome.error);
  if (live.closed) mustThrow(outcome, Deno.errors.BadResource, "a closed region");
  else if (!part.fits) mustThrow(outcome, RangeError, "a range outside of the region");
  else return false;
  return true;
}

/** Runs `body` with some region and a part of it. */
export function onPart(
  world: World,
  body: (live: Live, part: Part, range: () => ByteRange | undefined) => void,
): void {
  const live = world.pickRegion();
  if (live === undefined) return;
  const part = pickPart(world, live);
  world.note(`region ${live.id} ${JSON.stringify(part.range)}`);
  const given = part.range === undefined ? arg(world, undefined) : bag(world, part.range);
  body(live, part, () => given);
}

/** In a wild operation nobody knows which part was meant: it may have been all of the region. */
export function pagesMeant(world: World, live: Live, part: Part): [number, number] {
  if (world.tame) return pagesOf(live, part.at, part.byteLength);
  return [0, Math.ceil((live.lead + live.byteLength) / PAGE)];
}

/** Starts a call on another thread; its end is seen later. */
export function inBackground(
  world: World,
  live: Live,
  call: () => Promise<void>,
  finish: () => void = () => {},
): void {
  live.pending++;
  const over = attemptAsync(call).then(() => {
    live.pending--;
    finish();
  });
  world.pending.push(over);
}
