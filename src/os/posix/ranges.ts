/** The calls that map and unmap a range of addresses. */

import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from "../../../ffi/constants.ts";
import { ENOSYS } from "../../../ffi/errno.ts";
import {
  checkPointer,
  isSystemError,
  MAP_FAILED,
  required,
  systemError,
} from "../../../ffi/call.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { addressOf, pointerAt, pointerFrom, type Range } from "../../../ffi/memory.ts";
import type { MapRequest, Protection } from "../system.ts";

/** `prot` of `mmap` and `mprotect`. */
export const PROTECTION_BITS: Readonly<Record<Protection, number>> = {
  "none": PROT_NONE,
  "read": PROT_READ,
  "read-write": PROT_READ | PROT_WRITE,
  "read-execute": PROT_READ | PROT_EXEC,
  "read-write-execute": PROT_READ | PROT_WRITE | PROT_EXEC,
};

/** Bits that a request sets by other fields, and those that could replace foreign mappings. */
const REFUSED_FLAGS = MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS |
  MAP_GROWSDOWN | MAP_HUGETLB | MAP_NORESERVE;

/** See `MemorySystem.checkFlags`. */
export function checkFlags(flags: number, action: string): void {
  if (flags <= 0x7fffffff && (flags & REFUSED_FLAGS) === 0) return;
  throw new RangeError(
    `Cannot ${action} as flags must contain neither MAP_FIXED nor bits that other options set: ` +
      `received 0x${flags.toString(16)}`,
  );
}

function flagsOf({ sharing, object, reserve, flags }: MapRequest): number {
  return flags | (sharing === "shared" ? MAP_SHARED : MAP_PRIVATE) |
    (object === undefined ? MAP_ANONYMOUS : 0) | (reserve ? 0 : MAP_NORESERVE);
}

/** The address of a mapping; 0 for any. `fixed` replaces what is mapped there. */
interface Destination {
  readonly address: bigint;
  readonly fixed?: boolean;
}

/**
 * @param where by default the address that the request asks for
 * @throws the system error of `mmap`
 */
export function map(request: MapRequest, where: Destination = request): Range {
  const { byteLength, protection, object, fileOffset, subject } = request;
  const pointer = checkPointer(
    libc().mmap(
      pointerFrom(where.address),
      BigInt(byteLength),
      PROTECTION_BITS[protection],
      flagsOf(request) | (where.fixed === true ? MAP_FIXED : 0),
      object ?? -1,
      BigInt(fileOffset),
    ),
    threadErrno[0]!,
    "mmap",
    subject,
  );
  return { pointer, byteLength };
}

const ANYWHERE: Destination = { address: 0n };

/** See `MemorySystem.replace`. */
export function replace(range: Range, request: MapRequest, byteOffset = 0): void {
  const { byteLength } = range;
  const fileOffset = request.fileOffset + byteOffset;
  const flags = request.flags & ~MAP_FIXED_NOREPLACE;
  const moved = { ...request, byteLength, fileOffset, flags };
  const staged = request.seed === undefined
    ? stage(moved)
    : duplicate(request.seed, byteOffset, byteLength);
  if (staged !== undefined) {
    const errno = moveRange(staged, range);
    if (errno === 0) return;
    unmap(staged);
    fillHole(range);
    if (request.seed !== undefined) throw systemError(errno, "mremap", request.subject);
  }
  try {
    map(moved, { address: addressOf(range.pointer), fixed: true });
  } catch (error) {
    fillHole(range);
    throw error;
  }
}

/**
 * Maps at another address first: kernels before 6.12 unmap the old range before they ask the
 * object, and another process may have sealed the object against the new mapping.
 *
 * @returns undefined if it must be done in place: the system cannot move mappings, or there is no
 * room
 */
function stage(request: MapRequest): Range | undefined {
  if (libc().mremap === null) return undefined;
  try {
    return map(request, ANYWHERE);
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOMEM") return undefined;
    throw error;
  }
}

/** A further mapping of the object whose first page is `seed`, from `byteOffset` on. */
function duplicate(seed: Deno.PointerObject, byteOffset: number, byteLength: number): Range {
  // With an old size of 0, `mremap` keeps the old mapping and does not check seals again.
  const size = BigInt(byteOffset + byteLength);
  const pointer = checkPointer(
    required(libc().mremap, "mremap")(seed, 0n, size, MREMAP_MAYMOVE, null),
    threadErrno[0]!,
    "mremap",
  );
  if (byteOffset > 0) unmap({ pointer, byteLength: byteOffset });
  return { pointer: pointerAt(pointer, byteOffset), byteLength };
}

/**
 * Moves a mapping, page tables and all, over addresses that are the caller's.
 *
 * @returns 0, or the error number: ENOSYS without `mremap`, EFAULT if the range is several mappings
 */
export function moveRange(from: Range, to: Range): number {
  const { mremap } = libc();
  if (mremap === null) return ENOSYS;
  const moved = mremap(
    from.pointer,
    BigInt(from.byteLength),
    BigInt(to.byteLength),
    MREMAP_MAYMOVE | MREMAP_FIXED,
    to.pointer,
  );
  const errno = threadErrno[0]!;
  return Deno.UnsafePointer.equals(moved, to.pointer) ? 0 : errno;
}

/**
 * Makes a mapping longer in place.
 *
 * @param byteLength in whole pages of the mapping
 * @returns false if the system cannot, such as when something is mapped after it
 */
export function extendRange({ pointer, byteLength: old }: Range, byteLength: number): boolean {
  const { mremap } = libc();
  if (mremap === null) return false;
  return Deno.UnsafePointer.equals(
    mremap(pointer, BigInt(old), BigInt(byteLength), 0, null),
    pointer,
  );
}

/** Fills unmapped addresses with zero pages, or other memory might be mapped there. */
function fillHole(range: Range): void {
  // Without MAP_FIXED an address is a hint, which the kernel grants only if it is free.
  const zeros = mapZeros(range, 0);
  if (zeros === null || Deno.UnsafePointer.equals(zeros, range.pointer)) return;
  libc().munmap(zeros, BigInt(range.byteLength));
}

/** Unmaps a range of whole pages. */
export function unmap(range: Range): void {
  const result = libc().munmap(range.pointer, BigInt(range.byteLength));
  // ENOMEM: the limit of mappings does not allow this range to be cut out of a larger mapping.
  if (result !== 0) replaceByZeros(range);
}

/** Replaces a range by zero pages, which take no memory until they are written to. */
export function replaceByZeros(range: Range): void {
  mapZeros(range, MAP_FIXED);
}

/** RLIMIT_DATA counts writable private memory; it does not count shared mappings. */
function mapZeros({ pointer, byteLength }: Range, fixed: number): Deno.PointerValue {
  for (const sharing of [MAP_PRIVATE, MAP_SHARED]) {
    const flags = sharing | MAP_ANONYMOUS | MAP_NORESERVE | fixed;
    const protection = PROT_READ | PROT_WRITE;
    const zeros = libc().mmap(pointer, BigInt(byteLength), protection, flags, -1, 0n);
    if (zeros !== null && addressOf(zeros) !== MAP_FAILED) return zeros;
  }
  return null;
}
