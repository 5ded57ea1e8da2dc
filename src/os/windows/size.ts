/** The sizes of files. Others may append meanwhile, so extending a file never makes it shorter. */

import {
  checkHandle,
  checkTrue,
  ERROR_CALL_NOT_IMPLEMENTED,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_SUPPORTED,
  ERROR_USER_MAPPED_FILE,
  windowsError,
} from "../../../ffi/windows/errors.ts";
import { lastError, newStruct, windows } from "../../../ffi/windows/library.ts";
import type { FileSize, OpenObject } from "../system.ts";
import { PAGE_READWRITE } from "./allocations.ts";
import { close, sizesOf } from "./files.ts";
import { checkRoom, FILE_ALLOCATION_INFO, fillHoles, mayHaveHoles } from "./holes.ts";

const FILE_END_OF_FILE_INFO = 6;

/** @returns 0, or the error */
function setInformation(object: OpenObject, kind: number, byteLength: number): number {
  const { bytes, view } = newStruct(8);
  view.setBigInt64(0, BigInt(byteLength), true);
  const { SetFileInformationByHandle } = windows();
  return SetFileInformationByHandle(BigInt(object), kind, bytes, 8) !== 0 ? 0 : lastError[0]!;
}

/** Sets the size of a file. @throws ERROR_USER_MAPPED_FILE if it gets shorter and somebody maps it */
export function setSize(object: OpenObject, byteLength: number, subject?: string): void {
  const error = setInformation(object, FILE_END_OF_FILE_INFO, byteLength);
  if (error !== 0) throw windowsError(error, "SetFileInformationByHandle", subject);
}

/** What file systems say that cannot reserve space. */
const CANNOT_RESERVE: readonly number[] = [
  1, // ERROR_INVALID_FUNCTION
  ERROR_NOT_SUPPORTED,
  ERROR_INVALID_PARAMETER,
  ERROR_CALL_NOT_IMPLEMENTED,
];

/**
 * Makes a file at least that long. A section does this, as Windows makes a file longer for it, and never
 * shorter: others may have appended since the size was looked at.
 *
 * @returns the section: as long as it is open, nobody can cut the file
 */
function lengthen(object: OpenObject, byteLength: number, subject: string | undefined): number {
  const { CreateFileMappingW } = windows();
  const [high, low] = [Math.floor(byteLength / 2 ** 32), byteLength % 2 ** 32];
  const section = CreateFileMappingW(BigInt(object), null, PAGE_READWRITE, high, low, null);
  return checkHandle(section, lastError[0]!, "CreateFileMappingW", subject);
}

/**
 * Reserves the space of a file that has none for its length, such as one over a network. Less space than
 * its present length would cut it.
 *
 * @param section of the file; it is closed. With it, Windows refuses to cut what others append meanwhile
 */
function reserve(object: OpenObject, section: number, subject: string | undefined): void {
  try {
    const { allocated, byteLength } = sizesOf(object);
    if (allocated >= byteLength) return;
    const error = setInformation(object, FILE_ALLOCATION_INFO, byteLength);
    if (error === 0 || error === ERROR_USER_MAPPED_FILE || CANNOT_RESERVE.includes(error)) return;
    throw windowsError(error, "SetFileInformationByHandle", subject);
  } finally {
    close(section);
  }
}

/** See `ObjectSystem.extend`. What was added is taken back if the rest fails. */
export function extend(
  object: OpenObject,
  { byteLength: from }: FileSize,
  to: number,
  allocate: boolean,
  subject: string | undefined,
): void {
  if (sizesOf(object).byteLength >= to) return;
  const getsHole = allocate && mayHaveHoles(object);
  if (getsHole) checkRoom(object, to - from, subject);
  const section = lengthen(object, to, subject);
  if (!allocate || getsHole) close(section);
  if (!allocate) return;
  try {
    if (getsHole) fillHoles(object, from, to, subject);
    else reserve(object, section, subject);
  } catch (error) {
    takeBack(object, from, to);
    throw error;
  }
}

/** See `ObjectSystem.takeBack`. */
export function takeBack(object: OpenObject, from: number, to: number): void {
  try {
    if (sizesOf(object).byteLength > from && isUntouched(object, from, to)) setSize(object, from);
  } catch {
    // For example, somebody maps it meanwhile.
  }
}

/**
 * How much is looked at for what others have written. They have written right behind the old end, or
 * behind the new one, which the size shows. To read a hole of terabytes would take hours.
 */
const LOOKED_AT = 2 ** 24;
/** And how much of it at once. */
const LOOK = 65536;

/** See `ObjectSystem.isUntouched`. */
export function isUntouched(object: OpenObject, from: number, to: number): boolean {
  return sizesOf(object).byteLength <= to && holdsOnlyZeros(object, from);
}

function holdsOnlyZeros(object: OpenObject, from: number): boolean {
  const bytes = new Uint8Array(LOOK);
  for (let at = from; at < from + LOOKED_AT; at += LOOK) {
    const count = readAt(object, bytes, at);
    for (let i = 0; i < count; i++) if (bytes[i] !== 0) return false;
    if (count < LOOK) break;
  }
  return true;
}

const ERROR_HANDLE_EOF = 38;

/** OVERLAPPED: 0 and 8 the system's, 16 u32 offset, 20 u32 its upper half, 24 HANDLE event. */
export function overlappedAt(offset: bigint): Uint8Array<ArrayBuffer> {
  const { bytes, view } = newStruct(32);
  view.setBigUint64(16, offset, true);
  return bytes;
}

/** Reads LOOK bytes, or as many as there are. @returns how many */
function readAt(object: OpenObject, bytes: Uint8Array<ArrayBuffer>, offset: number): number {
  const count = newStruct(4);
  const { ReadFile } = windows();
  const where = overlappedAt(BigInt(offset));
  const result = ReadFile(BigInt(object), bytes, LOOK, count.bytes, where);
  const error = lastError[0]!;
  if (result === 0 && error === ERROR_HANDLE_EOF) return 0;
  checkTrue(result, error, "ReadFile");
  return count.view.getUint32(0, true);
}
