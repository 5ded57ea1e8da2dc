/** What a mapping owns, and how it is given back: at its end, or when nothing uses it any more. */

import { processTable } from "../../ffi/guard/guard.ts";
import type { GuardSlot, SlotUse } from "../../ffi/guard/slot.ts";
import type { MappingGuard } from "./guard.ts";
import { system } from "../os/mod.ts";
import type { OpenObject, PlacedRange } from "../os/system.ts";

/** What a mapping has to give back, even if nobody closes it. It must not reference a buffer. */
export interface Owned {
  placed: PlacedRange;
  /** The object, which is closed with the mapping. */
  object: OpenObject | undefined;
  guard: MappingGuard | undefined;
  /** The mapping's slot in the process's table, for its guard and for its holders. */
  slot: GuardSlot | undefined;
  /** Whether users have buffers that do not tell when their last holder is gone. */
  exposed: boolean;
  /** Called when nobody closed the mapping. */
  readonly onForgotten: () => void;
  /** The number of the mapping's present buffer; each buffer has another one. */
  epoch: number;
}

/** What the slot records: the last user of the memory gives this back. */
export function contentsOf({ placed, object }: Owned): { start: number; end: number; fd: number } {
  const { start, pages } = placed;
  return { start, end: start + pages.byteLength, fd: object ?? -1 };
}

/**
 * Gives memory, object and slot back: now, or when the last operation has ended that uses the
 * memory.
 *
 * @returns the use of the slot that has to end first; undefined if nothing is left to wait for
 */
export function giveBack(owned: Owned): SlotUse | undefined {
  const { placed, object, slot } = owned;
  if (owned.exposed) {
    // It is not known whether the buffer was transferred away: if so, another buffer still has this
    // memory. So the memory and the file are given back, and the addresses stay in use.
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

/** Leaves zeros for late accesses. */
function putZeros({ placed: { pages }, guard }: Owned): void {
  const zeros = (): void => system().memory.replaceByZeros(pages);
  // No handler may run meanwhile: it could replace the zeros by a page of the object.
  if (guard === undefined) zeros();
  else guard.alone(zeros);
}

/** Removes the object from views that cannot be detached, and leaves them zeros. */
export function withdraw(owned: Owned): void {
  putZeros(owned);
  closeQuietly(owned.object);
  owned.object = undefined;
}

function closeQuietly(object: OpenObject | undefined): void {
  try {
    if (object !== undefined) system().objects.close(object);
  } catch {
    // The mapping is gone either way, and there is no caller to inform.
  }
}

/** Closed and moved ranges whose memory an operation of Deno still uses. */
let held: SlotUse[] = [];

/** Records a range that its last user will give back. */
export function addHeld(use: SlotUse | undefined): void {
  if (use === undefined) return;
  removeReleased();
  held.push(use);
}

/** How many such ranges this isolate has. */
export function heldCount(): number {
  removeReleased();
  return held.length;
}

function removeReleased(): void {
  const table = processTable();
  if (held.length > 0 && table !== undefined) held = held.filter((use) => table.isHeld(use));
}
