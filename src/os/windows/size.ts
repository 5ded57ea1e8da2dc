/** The sizes of files. Others may append meanwhile, so extending a file never makes it shorter. */

import {
  checkTrue,
  ERROR_CALL_NOT_IMPLEMENTED,
  ERROR_INVALID_PARAMETER,
  ERROR_NOT_SUPPORTED,
  windowsError,
} from "../../../ffi/windows/errors.ts";
import { lastError, windows } from "../../../ffi/windows/library.ts";
import type { FileSize, OpenObject } from "../system.ts";
import { sizesOf } from "./files.ts";

const FILE_ALLOCATION_INFO = 5;
const FILE_END_OF_FILE_INFO = 6;

/** @returns 0, or the error */
function setInformation(object: OpenObject, kind: number, byteLength: number): number {
  const bytes = new Uint8Array(BigInt64Array.of(BigInt(byteLength)).buffer);
  const { SetFileInformationByHandle } = windows();
  return SetFileInformationByHandle(BigInt(object), kind, bytes, bytes.length) !== 0
    ? 0
    : lastError[0]!;
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

/** See `ObjectSystem.extend`. What is reserved beyond the end is given back if the rest fails. */
export function extend(
  object: OpenObject,
  { byteLength: from }: FileSize,
  to: number,
  allocate: boolean,
  subject: string | undefined,
): void {
  if (sizesOf(object).byteLength >= to) return;
  const error = allocate ? setInformation(object, FILE_ALLOCATION_INFO, to) : 0;
  if (error !== 0 && !CANNOT_RESERVE.includes(error)) {
    throw windowsError(error, "SetFileInformationByHandle", subject);
  }
  try {
    if (sizesOf(object).byteLength < to) setSize(object, to, subject);
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

/** See `ObjectSystem.isUntouched`. */
export function isUntouched(object: OpenObject, from: number, to: number): boolean {
  return sizesOf(object).byteLength <= to && holdsOnlyZeros(object, from);
}

function holdsOnlyZeros(object: OpenObject, from: number): boolean {
  const bytes = new Uint8Array(65536);
  for (let at = from; at < from + LOOKED_AT; at += bytes.length) {
    const count = readAt(object, bytes, at);
    if (bytes.subarray(0, count).some((byte) => byte !== 0)) return false;
    if (count < bytes.length) break;
  }
  return true;
}

const ERROR_HANDLE_EOF = 38;

/** OVERLAPPED: 0 and 8 the system's, 16 u32 offset, 20 u32 its upper half, 24 HANDLE event. */
export function overlappedAt(offset: bigint): Uint8Array<ArrayBuffer> {
  return new Uint8Array(BigUint64Array.of(0n, 0n, offset, 0n).buffer);
}

function readAt(object: OpenObject, bytes: Uint8Array<ArrayBuffer>, offset: number): number {
  const count = new Uint32Array(1);
  const { ReadFile } = windows();
  const where = overlappedAt(BigInt(offset));
  const countBytes = new Uint8Array(count.buffer);
  const result = ReadFile(BigInt(object), bytes, bytes.length, countBytes, where);
  const error = lastError[0]!;
  if (result === 0 && error === ERROR_HANDLE_EOF) return 0;
  checkTrue(result, error, "ReadFile");
  return count[0]!;
}
