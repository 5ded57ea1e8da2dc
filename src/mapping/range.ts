/** The calls that map and unmap a range of addresses. */

import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_READ,
  PROT_WRITE,
} from "../../ffi/constants.ts";
import { checkPointer, isSystemError, MAP_FAILED, required, systemError } from "../../ffi/call.ts";
import { lastErrno } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";
import { addressOf, pointerAt, pointerFrom, type Range } from "../../ffi/memory.ts";

/** What `mmap` is asked for; every number is checked and page-aligned already. */
export interface MapRequest {
  readonly byteLength: number;
  readonly protection: number;
  readonly flags: number;
  /** -1 for anonymous memory. */
  readonly fd: number;
  readonly fileOffset: number;
  /** The size of the mapping's pages: the system's, or that of huge pages on their own file system. */
  readonly pageSize: number;
  readonly address: bigint;
  /** What the error message names: a path. */
  readonly subject: string | undefined;
  /** Whether faults are to be absorbed from the start. */
  readonly guarded: boolean;
  /** Whether another mapping of the object may be other memory: then none is made of it. */
  readonly single?: boolean;
  /**
   * Where the object's page at `fileOffset` is mapped like this already: further mappings are made
   * of that one, where a seal keeps them from being made of the descriptor.
   */
  readonly seed?: Deno.PointerObject;
}

/**
 * @param wish where to map if nothing is there; by default the request's address
 * @throws the system error of `mmap`
 */
export function mapRange(request: MapRequest, wish = pointerFrom(request.address)): Range {
  const pointer = checkPointer(
    libc().mmap(
      wish,
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
 * @throws the system error of `mmap` or `mremap`; what stood at the addresses then still does.
 */
export function mapOver(range: Range, request: MapRequest, byteOffset = 0): void {
  const { byteLength } = range;
  const fileOffset = request.fileOffset + byteOffset;
  const flags = request.flags & ~MAP_FIXED_NOREPLACE;
  const moved = { ...request, byteLength, fileOffset, flags, address: 0n };
  const staged = request.seed === undefined
    ? stage(moved)
    : duplicate(request.seed, byteOffset, byteLength);
  if (staged !== undefined) {
    if (moveRange(staged, range)) return;
    const errno = lastErrno();
    unmapRange(staged);
    fillHole(range);
    if (request.seed !== undefined) throw systemError(errno, "mremap", request.subject);
  }
  try {
    mapRange({ ...moved, flags: flags | MAP_FIXED, address: addressOf(range.pointer) });
  } catch (error) {
    fillHole(range);
    throw error;
  }
}

/**
 * Maps somewhere else first: kernels before 6.12 take away what stands at an address before they ask
 * the object whether it may be mapped there, and a seal of somebody else's may forbid it.
 *
 * @returns undefined where it must be done in place: nothing can be moved, or there is no room
 */
function stage(request: MapRequest): Range | undefined {
  if (libc().mremap === null) return undefined;
  try {
    return mapRange(request);
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOMEM") return undefined;
    throw error;
  }
}

/** A further mapping of the object of which `seed` is the first page, from `byteOffset` on. */
function duplicate(seed: Deno.PointerObject, byteOffset: number, byteLength: number): Range {
  // An old size of 0 leaves the old mapping where it is, and asks no seal: that was done before.
  const size = BigInt(byteOffset + byteLength);
  const pointer = checkPointer(
    required(libc().mremap, "mremap")(seed, 0n, size, MREMAP_MAYMOVE, null),
    "mremap",
  );
  if (byteOffset > 0) unmapRange({ pointer, byteLength: byteOffset });
  return { pointer: pointerAt(pointer, byteOffset), byteLength };
}

/**
 * Moves a mapping, page tables and all, over addresses that are the caller's.
 *
 * @returns false where the system cannot: it has no `mremap`, or it is more than one mapping
 */
export function moveRange(from: Range, to: Range): boolean {
  const { mremap } = libc();
  if (mremap === null) return false;
  const moved = mremap(
    from.pointer,
    BigInt(from.byteLength),
    BigInt(to.byteLength),
    MREMAP_MAYMOVE | MREMAP_FIXED,
    to.pointer,
  );
  return Deno.UnsafePointer.equals(moved, to.pointer);
}

/**
 * Makes a mapping longer where it is.
 *
 * @param byteLength in whole pages of the mapping
 * @returns false where the system cannot: something is mapped behind it
 */
export function extendRange({ pointer, byteLength: old }: Range, byteLength: number): boolean {
  const { mremap } = libc();
  if (mremap === null) return false;
  return Deno.UnsafePointer.equals(
    mremap(pointer, BigInt(old), BigInt(byteLength), 0, null),
    pointer,
  );
}

/** Puts zero pages where nothing is mapped, since somebody else's memory would turn up there. */
function fillHole(range: Range): void {
  // Without MAP_FIXED an address is a wish, and granted only if nothing stands there.
  const zeros = mapZeros(range, 0);
  if (zeros === null || Deno.UnsafePointer.equals(zeros, range.pointer)) return;
  libc().munmap(zeros, BigInt(range.byteLength));
}

/** Gives a range of whole pages back to the system. */
export function unmapRange(range: Range): void {
  const result = libc().munmap(range.pointer, BigInt(range.byteLength));
  // ENOMEM: the system's limit of mappings forbids to cut this one out of a larger one.
  if (result !== 0) replaceByZeros(range);
}

/** Puts zero pages, which take no memory until written to, in the place of a range. */
export function replaceByZeros(range: Range): void {
  mapZeros(range, MAP_FIXED);
}

/** RLIMIT_DATA counts private memory that can be written to; it does not count what could be shared. */
function mapZeros({ pointer, byteLength }: Range, fixed: number): Deno.PointerValue {
  for (const sharing of [MAP_PRIVATE, MAP_SHARED]) {
    const flags = sharing | MAP_ANONYMOUS | MAP_NORESERVE | fixed;
    const protection = PROT_READ | PROT_WRITE;
    const zeros = libc().mmap(pointer, BigInt(byteLength), protection, flags, -1, 0n);
    if (zeros !== null && addressOf(zeros) !== MAP_FAILED) return zeros;
  }
  return null;
}
