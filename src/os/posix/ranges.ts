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
import {
  checkPointer,
  isSystemError,
  MAP_FAILED,
  required,
  systemError,
} from "../../../ffi/call.ts";
import { lastErrno } from "../../../ffi/errno.ts";
import { libc } from "../../../ffi/libc.ts";
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

/** Bits that a request says in words, and those that could map over foreign memory. */
const REFUSED_FLAGS = MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS |
  MAP_GROWSDOWN | MAP_HUGETLB | MAP_NORESERVE;

/** See `MemorySystem.checkFlags`. */
export function checkFlags(flags: number, action: string): void {
  if (flags <= 0x7fffffff && (flags & REFUSED_FLAGS) === 0) return;
  throw new RangeError(
    `Cannot ${action} as flags must leave out MAP_FIXED and what other options stand for: ` +
      `received 0x${flags.toString(16)}`,
  );
}

function flagsOf({ sharing, object, reserve, flags }: MapRequest): number {
  return flags | (sharing === "shared" ? MAP_SHARED : MAP_PRIVATE) |
    (object === undefined ? MAP_ANONYMOUS : 0) | (reserve ? 0 : MAP_NORESERVE);
}

/** Where a mapping is to be; 0 for anywhere. `fixed`: whatever stands there. */
interface Where {
  readonly address: bigint;
  readonly fixed?: boolean;
}

/**
 * @param where by default where the request wishes it to be
 * @throws the system error of `mmap`
 */
export function map(request: MapRequest, where: Where = request): Range {
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
    "mmap",
    subject,
  );
  return { pointer, byteLength };
}

const ANYWHERE: Where = { address: 0n };

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
    if (moveRange(staged, range)) return;
    const errno = lastErrno();
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
 * Maps somewhere else first: kernels before 6.12 take away what stands at an address before they ask
 * the object whether it may be mapped there, and a seal of somebody else's may forbid it.
 *
 * @returns undefined where it must be done in place: nothing can be moved, or there is no room
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

/** A further mapping of the object of which `seed` is the first page, from `byteOffset` on. */
function duplicate(seed: Deno.PointerObject, byteOffset: number, byteLength: number): Range {
  // An old size of 0 leaves the old mapping where it is, and asks no seal: that was done before.
  const size = BigInt(byteOffset + byteLength);
  const pointer = checkPointer(
    required(libc().mremap, "mremap")(seed, 0n, size, MREMAP_MAYMOVE, null),
    "mremap",
  );
  if (byteOffset > 0) unmap({ pointer, byteLength: byteOffset });
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
export function unmap(range: Range): void {
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
