/** What is at some addresses, as `VirtualQuery` tells. */

import { addressOf, pointerFrom, type Range } from "../../../ffi/memory.ts";
import { newStruct, windows, windowsToObserve } from "../../../ffi/windows/library.ts";

export const PAGE_NOACCESS = 0x01;
export const PAGE_READONLY = 0x02;
export const PAGE_READWRITE = 0x04;
export const PAGE_WRITECOPY = 0x08;
export const PAGE_EXECUTE_READ = 0x20;
export const PAGE_EXECUTE_READWRITE = 0x40;
export const PAGE_EXECUTE_WRITECOPY = 0x80;

export const MEM_COMMIT = 0x1000;
export const MEM_RESERVE = 0x2000;
const MEM_FREE = 0x10000;
const MEM_MAPPED = 0x40000;

/** Pages beside each other that are alike. */
export interface Area {
  readonly start: number;
  readonly end: number;
  /** Where the view or allocation begins that they are part of. */
  readonly allocation: number;
  /** The protection that this was made with. */
  readonly madeWith: number;
  readonly isCommitted: boolean;
  readonly isFree: boolean;
  readonly protection: number;
  /** Whether it is a view of an object, and not private memory. */
  readonly isView: boolean;
}

/**
 * MEMORY_BASIC_INFORMATION: 0 base, 8 allocation, 16 u32 its protection, 24 size, 32 u32 state,
 * 36 u32 protection, 40 u32 type; 48 bytes.
 */
const { bytes: recordBytes, view: record } = newStruct(48);

/** What is at an address. */
export function areaAt(address: number): Area {
  windows().VirtualQuery(pointerFrom(BigInt(address)), recordBytes, 48n);
  return recordedArea();
}

/** What is at an address of another process; undefined if it has ended. */
export function areaIn(process: bigint, address: number): Area | undefined {
  const { VirtualQueryEx } = windowsToObserve();
  const count = VirtualQueryEx(process, pointerFrom(BigInt(address)), recordBytes, 48n);
  return count === 0n ? undefined : recordedArea();
}

function recordedArea(): Area {
  const start = Number(record.getBigUint64(0, true));
  const state = record.getUint32(32, true);
  return {
    start,
    end: start + Number(record.getBigUint64(24, true)),
    allocation: Number(record.getBigUint64(8, true)),
    madeWith: record.getUint32(16, true),
    isCommitted: state === MEM_COMMIT,
    isFree: state === MEM_FREE,
    protection: record.getUint32(36, true),
    isView: record.getUint32(40, true) === MEM_MAPPED,
  };
}

/** The areas of a range, clipped to it. */
export function* areasOf({ pointer, byteLength }: Range): Generator<Area> {
  const start = Number(addressOf(pointer));
  const end = start + byteLength;
  for (let at = start; at < end;) {
    const area = areaAt(at);
    yield { ...area, start: at, end: Math.min(area.end, end) };
    at = area.end;
  }
}

/** A whole view or allocation. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly isView: boolean;
  readonly isCommitted: boolean;
}

/** The views, allocations and placeholders of a range, each whole. */
export function piecesOf(start: number, end: number): Piece[] {
  const pieces: Piece[] = [];
  for (let at = start; at < end;) {
    const { allocation, isFree, isView, isCommitted, end: next } = areaAt(at);
    at = next;
    if (isFree) continue;
    const last = pieces.at(-1);
    if (last?.start === allocation) {
      const committed = isCommitted || last.isCommitted;
      pieces[pieces.length - 1] = { ...last, end: next, isCommitted: committed };
    } else pieces.push({ start: allocation, end: next, isView, isCommitted });
  }
  return pieces;
}

export function pointerTo(address: number): Deno.PointerObject {
  return pointerFrom(BigInt(address))!;
}
