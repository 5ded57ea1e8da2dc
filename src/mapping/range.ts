/** The calls that map and unmap a range of addresses. */

import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from "../../ffi/constants.ts";
import { checkPointer } from "../../ffi/call.ts";
import { libc } from "../../ffi/libc.ts";
import { pointerFrom, type Range } from "../../ffi/memory.ts";

/** What `mmap` is asked for; every number is checked and page-aligned already. */
export interface MapRequest {
  readonly byteLength: number;
  readonly protection: number;
  readonly flags: number;
  /** -1 for anonymous memory. */
  readonly fd: number;
  readonly fileOffset: number;
  readonly address: bigint;
  /** What the error message names: a path. */
  readonly subject: string | undefined;
  /** Whether faults are to be absorbed from the start. */
  readonly guarded: boolean;
}

/** @throws the system error of `mmap`. */
export function mapRange(request: MapRequest): Range {
  const pointer = checkPointer(
    libc().mmap(
      pointerFrom(request.address),
      BigInt(request.byteLength),
      request.protection,
      request.flags,
      request.fd,
      BigInt(request.fileOffset),
    ),
    "mmap",
    request.subject,
  );
  return { pointer, byteLength: request.byteLength };
}

/**
 * Maps what a request asks for over addresses that are the caller's.
 *
 * @param byteOffset where in the request's range the addresses begin
 */
export function mapOver(range: Range, request: MapRequest, byteOffset = 0): void {
  const result = libc().mmap(
    range.pointer,
    BigInt(range.byteLength),
    request.protection,
    request.flags | MAP_FIXED,
    request.fd,
    BigInt(request.fileOffset + byteOffset),
  );
  try {
    checkPointer(result, "mmap", request.subject);
  } catch (error) {
    replaceByZeros(range); // which may be a hole now, where somebody else's memory would turn up
    throw error;
  }
}

/** Gives a range back to the system. */
export function unmapRange(range: Range): void {
  const result = libc().munmap(range.pointer, BigInt(range.byteLength));
  // ENOMEM: the system's limit of mappings forbids to cut this one out of a larger one.
  if (result !== 0) replaceByZeros(range);
}

/** Puts private zero pages, which take no memory until written to, in the place of a range. */
export function replaceByZeros(range: Range): void {
  libc().mmap(
    range.pointer,
    BigInt(range.byteLength),
    PROT_READ | PROT_WRITE,
    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
    -1,
    0n,
  );
}
