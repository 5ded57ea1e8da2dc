/** What a mapping owns, and how it is given back: at its end, or when nothing uses it any more. */

import { processTable } from "../../ffi/guard/guard.ts";
import type { GuardSlot, SlotUse } from "../../ffi/guard/slot.ts";
import type { MappingGuard } from "./guard.ts";
import { system } from "../os/mod.ts";
import type { OpenObject, PlacedRange } from "../os/system.ts";

/** What a mapping has to give back, also when nobody closed it. It holds no buffer. */
export interface Owned {
  placed: PlacedRange;
  /** What goes with the mapping. */
  object: OpenObject | undefined;
  guard: MappingGuard | undefined;
  /** The mapping's slot in the process's table, for its guard and for its holders. */
  slot: GuardSlot | undefined;
  /** Whether users have buffers that do not tell when their last holder is gone. */
  exposed: boolean;
  /** Called when nobody closed the mapping. */
  readonly onForgotten: () => void;
  /** Which buffer is the mapping's present one; each has another number. */
  epoch: number;
}

/** What a slot says of it: whoever uses the memory last gives this back. */
export function contentsOf({ placed, object }: Owned): { start: number; end: number; fd: number } {
  const { start, pages } = placed;
  return { start, end: start + pages.byteLength, fd: object ?? -1 };
}

/**
 * Gives memory, object and slot back: now, or when the last operation has ended that uses the
 * memory.
 *
 * @returns what has to be waited for
 */
export function giveBack(owned: Owned): SlotUse | undefined {
  const { placed, object, slot } = owned;
  if (owned.exposed) {
    // Nobody can tell whether the buffer was transferred away: then a view of this memory lives on in
    // another buffer. So the memory and the file are given back, and the addresses stay taken.
    putZeros(owned);
    slot?.free();
  } else {
    const use = slot?.abandon(contentsOf(owned));
    if (use !== undefined) return use;
    slot?.free();
    system().memory.unmap(placed.pages);
  }
  closeQuietly(object);
  return undefined;
}

/** Zeros for whoever may still look. */
function putZeros({ placed: { pages }, guard }: Owned): void {
  const zeros = (): void => system().memory.replaceByZeros(pages);
  // Alone: a handler that has not seen them would put a page of the object in their place.
  if (guard === undefined) zeros();
  else guard.alone(zeros);
}

/** Takes the object from views that cannot be reached, and leaves them zeros. */
export function withdraw(owned: Owned): void {
  putZeros(owned);
  closeQuietly(owned.object);
  owned.object = undefined;
}

function closeQuietly(object: OpenObject | undefined): void {
  try {
    if (object !== undefined) system().objects.close(object);
  } catch {
    // The mapping is gone either way, and nobody is there to be told.
  }
}

/** Closed and moved ranges whose memory an operation of Deno still uses. */
let held: SlotUse[] = [];

/** Takes note of a range that its last user gives back. */
export function addHeld(use: SlotUse | undefined): void {
  if (use === undefined) return;
  removeReleased();
  held.push(use);
}

/** How many there are in this isolate. */
export function heldCount(): number {
  removeReleased();
  return held.length;
}

function removeReleased(): void {
  const table = processTable();
  if (held.length > 0 && table !== undefined) held = held.filter((use) => table.isHeld(use));
}
