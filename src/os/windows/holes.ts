/**
 * Space for files that got none with their length: sparse ones, and all files under Wine. To write zeros
 * could overwrite what others write there meanwhile. So each page is touched in a mapping, by an
 * operation that changes nothing, and written back.
 */

import { guardTable } from "../../../ffi/guard/guard.ts";
import type { GuardSlot } from "../../../ffi/guard/slot.ts";
import { addressOf, bufferOver, type Range } from "../../../ffi/memory.ts";
import {
  ERROR_CALL_NOT_IMPLEMENTED,
  ERROR_DISK_FULL,
  windowsError,
} from "../../../ffi/windows/errors.ts";
import { lastError, newStruct, windows } from "../../../ffi/windows/library.ts";
import { alignDown, alignUp } from "../arithmetic.ts";
import type { MapRequest, OpenObject } from "../system.ts";
import { isSparse, sizesOf } from "./files.ts";
import { flush } from "./pages.ts";
import { guardSource, map, PAGE, unmap } from "./views.ts";

export const FILE_ALLOCATION_INFO = 5;

let isReserving: boolean | undefined;

/** Whether files that are not sparse get space with their length. Wine lacks what it is asked for by. */
function reserves(): boolean {
  return isReserving ??= asksTheHandle();
}

/** Who knows this kind of information says first that there is no such handle. */
function asksTheHandle(): boolean {
  const { SetFileInformationByHandle } = windows();
  const result = SetFileInformationByHandle(0n, FILE_ALLOCATION_INFO, newStruct(8).bytes, 8);
  return result !== 0 || lastError[0] !== ERROR_CALL_NOT_IMPLEMENTED;
}

/** Whether a file may have holes, now or when it gets longer. */
export function mayHaveHoles(object: OpenObject): boolean {
  return !reserves() || isSparse(object);
}

/** FILE_FS_SIZE_INFORMATION: 0 i64 units, 8 i64 free units, 16 u32 sectors in a unit, 20 u32 bytes in a sector. */
const FILE_FS_SIZE_INFORMATION = 3;

/** @throws ERROR_DISK_FULL, before anything is taken, if the disk says that it has not that much */
export function checkRoom(object: OpenObject, byteLength: number, subject?: string): void {
  const { bytes, view } = newStruct(24);
  const { NtQueryVolumeInformationFile } = windows();
  const status = newStruct(16).bytes;
  const kind = FILE_FS_SIZE_INFORMATION;
  if (NtQueryVolumeInformationFile(BigInt(object), status, bytes, 24, kind) !== 0) return;
  const free = Number(view.getBigInt64(8, true));
  if (byteLength <= free * view.getUint32(16, true) * view.getUint32(20, true)) return;
  throw windowsError(ERROR_DISK_FULL, "NtQueryVolumeInformationFile", subject);
}

/**
 * See `ObjectSystem.fillHoles`. Under Wine, the space of a file's own administration may hide a hole.
 *
 * @throws ERROR_DISK_FULL
 */
export function fillHoles(object: OpenObject, from: number, to: number, subject?: string): void {
  const { allocated, byteLength } = sizesOf(object);
  const end = Math.min(to, byteLength);
  if (allocated >= byteLength || from >= end || !mayHaveHoles(object)) return;
  checkRoom(object, end - from - allocated, subject);
  const fileOffset = alignDown(from, PAGE);
  const request: MapRequest = {
    byteLength: end - fileOffset,
    protection: "read-write",
    sharing: "shared",
    reserve: true,
    flags: 0,
    object,
    fileOffset,
    pageSize: PAGE,
    address: 0n,
    subject,
    guarded: true,
  };
  const slot = guardTable()?.take();
  if (slot === undefined) return; // a page that cannot be had would end the process
  try {
    const range = map(request);
    try {
      guardRange(slot, range, request);
      if (!touch(slot, range)) throw windowsError(ERROR_DISK_FULL, "MapViewOfFile3", subject);
      flush(range, "disk", object);
    } finally {
      slot.end();
      unmap(range);
    }
  } finally {
    slot.free();
  }
}

function guardRange(slot: GuardSlot, range: Range, request: MapRequest): void {
  const start = addressOf(range.pointer);
  const { object, byteOffset } = guardSource(range, request);
  slot.begin({
    start,
    end: start + BigInt(alignUp(range.byteLength, PAGE)),
    fd: object,
    fileOffset: BigInt(byteOffset),
    pageSize: BigInt(PAGE),
    borrowed: false,
  });
}

/** Writes to each page. @returns false if there was none to be had */
function touch(slot: GuardSlot, range: Range): boolean {
  const bytes = new Uint8Array(bufferOver(range));
  for (let at = 0; at < range.byteLength; at += PAGE) {
    // It changes nothing, and takes nothing back that others write.
    Atomics.or(bytes, at, 0);
    if (slot.faults > 0) return false;
  }
  return true;
}
