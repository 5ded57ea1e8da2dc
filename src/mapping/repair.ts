/** Mapping the true object again where the guard has put other pages. */

import { pointerAt } from "../../ffi/memory.ts";
import { system } from "../os/mod.ts";
import type { MappedRange } from "./guard.ts";
import { alignUp } from "./pages.ts";

/** Heals a mapping; its views stay. Every page gets the mapping's own protection again. */
export function repairMapping(mapped: MappedRange): void {
  const { guard } = mapped;
  if (guard === undefined) return protectAll(mapped);
  guard.alone(() => {
    const { faults } = guard;
    mapAgain(mapped);
    guard.renewSource(mapped.range, mapped.request);
    protectAll(mapped);
    // Faults absorbed since then may lie in pages that were healed already.
    guard.healed(faults);
  });
}

function mapAgain({ range, request }: MappedRange): void {
  const { memory } = system();
  for (const { byteOffset, byteLength } of memory.foreignSpans(range, request)) {
    const part = { pointer: pointerAt(range.pointer, byteOffset), byteLength };
    memory.replace(part, request, byteOffset);
  }
}

/** Heals a mapping if it is cut off; in any case every page gets its own protection again. */
export function restoreMapping(mapped: MappedRange): void {
  if (mapped.guard?.cutOff) repairMapping(mapped);
  else if (mapped.mixed) protectAll(mapped);
}

function protectAll(mapped: MappedRange): void {
  const { range: { pointer, byteLength }, request } = mapped;
  const whole = { pointer, byteLength: alignUp(byteLength, request.pageSize) };
  system().memory.protect(whole, request.protection, request.subject);
  mapped.mixed = false;
}
