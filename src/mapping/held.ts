/** Closed and moved ranges whose memory an operation of Deno still uses. */

import { processTable } from "../../ffi/guard/guard.ts";
import type { SlotUse } from "../../ffi/guard/slot.ts";

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
