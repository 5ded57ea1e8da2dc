/** Copies between mapped memory and other memory without ever faulting: the kernel copies. */

import { pointerFrom, type Range } from "../../../ffi/memory.ts";
import { ERROR_NOACCESS, windowsError } from "../../../ffi/windows/errors.ts";
import { SELF, windows } from "../../../ffi/windows/library.ts";
import type { Direction } from "../system.ts";
import { copyZeros } from "../zeros.ts";
import {
  type Area,
  areasOf,
  PAGE_EXECUTE_READWRITE,
  PAGE_EXECUTE_WRITECOPY,
  PAGE_NOACCESS,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  pointerTo,
} from "./allocations.ts";

const LARGEST_TRANSFER = 2 ** 30;
const PAGE = 4096;

const WRITABLE = PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;

/** Whether the protection allows a copy. */
function allows({ isCommitted, protection }: Area, direction: Direction): boolean {
  if (!isCommitted) return false;
  return direction === "out" ? protection !== PAGE_NOACCESS : (protection & WRITABLE) !== 0;
}

/** How many bytes from an address on are there and may be copied, as far as the protection tells. */
function allowed(direction: Direction, mapped: bigint, byteLength: number): number {
  const start = Number(mapped);
  let end = start;
  for (const area of areasOf({ pointer: pointerFrom(mapped)!, byteLength })) {
    if (!allows(area, direction)) break;
    end = area.end;
  }
  return end - start;
}

/** See `MemorySystem.copy`. Calls copy all or nothing, so the last good page is looked for. */
export function copy(
  direction: Direction,
  local: bigint,
  mapped: bigint,
  byteLength: number,
): number {
  const most = allowed(direction, mapped, byteLength);
  let done = 0;
  while (done < most) {
    const [to, at] = [local + BigInt(done), mapped + BigInt(done)];
    const left = Math.min(most - done, LARGEST_TRANSFER);
    const toPageEnd = PAGE - Number(at % BigInt(PAGE));
    const count = transfer(direction, to, at, left) ||
      transfer(direction, to, at, Math.min(left, toPageEnd));
    if (count === 0) break;
    done += count;
  }
  return done;
}

const transferred = new Uint8Array(8);

function transfer(
  direction: Direction,
  local: bigint,
  mapped: bigint,
  byteLength: number,
): number {
  const { NtReadVirtualMemory, NtWriteVirtualMemory } = windows();
  const call = direction === "out" ? NtReadVirtualMemory : NtWriteVirtualMemory;
  const [there, here] = [pointerFrom(mapped), pointerFrom(local)];
  const status = call(SELF, there, here, BigInt(byteLength), transferred);
  return status === 0 ? byteLength : 0;
}

/** See `MemorySystem.zero`. */
export function zero(range: Range): void {
  if (!copyZeros(range, copy)) throw windowsError(ERROR_NOACCESS, "NtWriteVirtualMemory");
}

/** Copies what may be read of one range to the same places of another. */
export function copyWhatIsThere(from: number, to: number, byteLength: number): void {
  for (const { start, end } of areasOf({ pointer: pointerTo(from), byteLength })) {
    copy("out", BigInt(to + start - from), BigInt(start), end - start);
  }
}
