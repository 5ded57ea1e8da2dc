/** Maps at addresses that no other mapping had before. */

import { processTable } from "../../../ffi/guard/guard.ts";
import type { Room } from "../../../ffi/guard/addresses.ts";
import { addressOf } from "../../../ffi/memory.ts";
import { alignUp, HUGE_PAGE } from "../arithmetic.ts";
import type { MapRequest, PlacedRange } from "../system.ts";
import { map, unmap } from "./ranges.ts";

/** Another mapping can be in the way only if somebody asked for exactly that address. */
const TRIES = 4;

/** See `MemorySystem.place`. A request with an address of its own keeps it. */
export function place(request: MapRequest, headroom = 0): PlacedRange {
  const byteLength = alignUp(request.byteLength, request.pageSize);
  for (let tries = 0; request.address === 0n && tries < TRIES; tries++) {
    const room = roomFor(request, byteLength + headroom);
    if (room === undefined) break;
    const address = BigInt(room.start);
    const range = map(request, { address });
    const pages = { pointer: range.pointer, byteLength };
    if (addressOf(range.pointer) === address) return { range, pages, ...room };
    unmap(pages);
  }
  const range = map(request);
  const start = Number(addressOf(range.pointer));
  return { range, pages: { pointer: range.pointer, byteLength }, start, end: start + byteLength };
}

function roomFor({ pageSize, fileOffset }: MapRequest, byteLength: number): Room | undefined {
  const table = processTable();
  if (table === undefined) return undefined;
  // A mapping of that size or more begins at the same offset within a huge page as its part of the
  // file. Only then can the kernel use huge pages for it.
  const alignment = byteLength < HUGE_PAGE ? pageSize : Math.max(pageSize, HUGE_PAGE);
  return table.addresses.take(byteLength, alignment, fileOffset % alignment);
}
