/** Ranges of addresses on macOS, where that differs from other systems with `mmap`. */

import { systemError } from "../../../ffi/call.ts";
import {
  fullSyncOffThread,
  pathOfDescriptor,
  punchHole,
  regionAt,
  writeAt,
} from "../../../ffi/darwin.ts";
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from "../../../ffi/constants.ts";
import { EINVAL, errnoName } from "../../../ffi/errno.ts";
import { pageSize } from "../../../ffi/file_calls.ts";
import { guardTable } from "../../../ffi/guard/guard.ts";
import { ZEROS_TAG } from "../../../ffi/guard/layout.ts";
import { libc } from "../../../ffi/libc.ts";
import { addressOf, bufferOver, pointerAt, type Range } from "../../../ffi/memory.ts";
import { platform } from "../../../ffi/platform.ts";
import { statusOf } from "../../../ffi/status.ts";
import { alignDown, alignUp, type Span } from "../arithmetic.ts";
import { advise as posixAdvise } from "../posix/advice.ts";
import { posixMemory } from "../posix/memory.ts";
import type {
  Advice,
  Durability,
  MapRequest,
  MemorySystem,
  OpenObject,
  PlacedRange,
  Protection,
  RegionStats,
  Resize,
} from "../system.ts";
import { checkRoomFor, roomOf, statusOfObject, withBytes, zeroMemory, zeroPages } from "./shm.ts";

export const memory: MemorySystem = {
  ...posixMemory,
  map: (request) => posixMemory.map(resilient(request)),
  place,
  protect,
  replace: (range, request, byteOffset) =>
    posixMemory.replace(range, resilient(withoutZeroDevice(request)), byteOffset),
  resize,
  replaceByZeros,
  foreignSpans,
  isForeign: isZeros,
  isAnonymous: isZeros,
  isPrivate: ({ pointer }) => isPrivateAt(pointer),
  advise,
  flush,
  flushOffThread,
  usage,
  punch,
  drop: ({ pointer, byteLength }) => zeroPages(pointer, byteLength),
};

/** @throws {Deno.errors.NotSupported} If this machine has no such memory. */
function checkProtection(protection: Protection): void {
  if (protection !== "read-write-execute" || platform().arch !== "aarch64") return;
  throw new Deno.errors.NotSupported(
    'Cannot make memory "read-write-execute", which Apple silicon has not: make it "read-write" to ' +
      'write to it, and "read-execute" to run it',
  );
}

/** @throws {Deno.errors.NotSupported} If shared memory is to be executable. */
function checkNotExecutable(protection: Protection): void {
  if (!protection.endsWith("execute")) return;
  throw new Deno.errors.NotSupported(
    'Cannot make shared memory executable on macOS: map it with access "copy-on-write", or a file',
  );
}

function protect(range: Range, protection: Protection, subject: string | undefined): void {
  checkProtection(protection);
  posixMemory.protect(range, protection, subject);
}

const MAP_RESILIENT_MEDIA = 0x4000;

/**
 * Has the kernel put zeros where a private copy of a file has lost its pages: the program does not end,
 * but nobody is told. So this is for where there is no guard, which would tell. Of shared mappings the
 * kernel ignores it.
 */
function resilient(request: MapRequest): MapRequest {
  const { object, sharing, guarded, flags } = request;
  if (object === undefined || sharing === "shared" || !guarded) return request;
  return guardTable() === undefined ? { ...request, flags: flags | MAP_RESILIENT_MEDIA } : request;
}

function isPrivateAt(pointer: Deno.PointerObject): boolean {
  return regionAt(addressOf(pointer))?.isPrivate === true;
}

/** See `MemorySystem.isAnonymous`: memory that stands in the place of an object's has a tag. */
function isZeros({ pointer }: Range): boolean {
  return regionAt(addressOf(pointer))?.tag === ZEROS_TAG;
}

/** See `MemorySystem.replaceByZeros`. The guard knows them by their tag, and lets late accesses pass. */
function replaceByZeros({ pointer, byteLength }: Range): void {
  const VM_TAG_SHIFT = 24; // where `mmap` expects a descriptor
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  const tag = ZEROS_TAG << VM_TAG_SHIFT;
  libc().mmap(pointer, BigInt(byteLength), PROT_READ | PROT_WRITE, flags, tag | 0, 0n);
}

/**
 * See `MemorySystem.foreignSpans`, and `posix/foreign.ts`. The kernel looks at every page of a region to
 * tell of it, so it is asked once for each.
 */
function foreignSpans(range: Range, { object, sharing, single }: MapRequest): Span[] {
  const { pointer, byteLength } = range;
  if (object === undefined) return [];
  if (sharing === "shared" && single !== true) return [{ byteOffset: 0, byteLength }];
  if (isMemory(object)) return []; // what was copied stays a copy
  const first = Number(addressOf(pointer));
  const end = first + alignUp(byteLength, pageSize());
  const spans: Span[] = [];
  for (let at = first; at < end;) {
    const region = regionAt(BigInt(at));
    if (region === undefined || region.start >= end) break;
    const from = Math.max(at, region.start);
    at = Math.min(end, region.start + region.byteLength);
    const isForeign = sharing === "private" ? region.tag === ZEROS_TAG : region.isPrivate;
    if (isForeign) spans.push({ byteOffset: from - first, byteLength: at - from });
  }
  return spans;
}

/** Whether an object is shared memory; false for none. */
function isMemory(object: OpenObject | undefined): object is OpenObject {
  return object !== undefined && roomOf(object) !== undefined;
}

/**
 * See `MemorySystem.place`. Nobody maps the page behind an object. Of shared memory there are no private
 * mappings: those are copies.
 */
function place(request: MapRequest, headroom?: number): PlacedRange {
  const { object, fileOffset, byteLength, sharing } = request;
  checkProtection(request.protection);
  const room = object === undefined ? undefined : roomOf(object);
  if (room === undefined) return posixMemory.place(resilient(withoutZeroDevice(request)), headroom);
  checkRoomFor(fileOffset + byteLength, room);
  if (sharing === "shared") {
    checkNotExecutable(request.protection);
    return posixMemory.place(request, headroom);
  }
  const placed = posixMemory.place({ ...request, object: undefined }, headroom);
  try {
    fillFrom(object!, placed, fileOffset, 0);
    return placed;
  } catch (error) {
    posixMemory.unmap(placed.pages);
    throw error;
  }
}

/** macOS maps no devices. This one stands for memory that has no object. */
function withoutZeroDevice(request: MapRequest): MapRequest {
  const { object, single } = request;
  const isIt = object !== undefined && single === true && pathOfDescriptor(object) === "/dev/zero";
  return isIt ? { ...request, object: undefined } : request;
}

/** Copies what an object holds into a private copy of it. @param from where the copy begins */
function fillFrom(object: OpenObject, { pages }: PlacedRange, offset: number, from: number): void {
  const held = alignUp(statusOfObject(object).byteLength, pageSize()) - offset;
  const byteLength = Math.min(held, pages.byteLength) - from;
  if (byteLength <= 0) return;
  const target = { pointer: pointerAt(pages.pointer, from), byteLength };
  withBytes(object, offset + from, byteLength, false, (bytes) => {
    // SAFETY: the range was mapped just now, and nobody else knows it yet.
    new Uint8Array(bufferOver(target)).set(new Uint8Array(bytes));
  });
}

/** See `MemorySystem.resize`. */
function resize(placed: PlacedRange, request: MapRequest, byteLength: number): Resize {
  const { object, sharing, fileOffset } = request;
  if (sharing === "shared" || !isMemory(object)) {
    return posixMemory.resize(placed, resilient(request), byteLength);
  }
  const { finish, cancel } = posixMemory.resize(
    placed,
    { ...request, object: undefined },
    byteLength,
  );
  return {
    cancel,
    finish: (used, cut) => {
      const resized = finish(used, cut);
      fillFrom(object, resized, fileOffset, placed.pages.byteLength);
      return resized;
    },
  };
}

/** See `MemorySystem.advise`. "free" would lose what others have in shared memory. */
function advise(range: Range, advice: Advice): void {
  if (advice === "free" && !isPrivateAt(range.pointer)) throw systemError(EINVAL, "madvise");
  posixAdvise(range, advice);
}

/** Shared memory is on no disk. */
function durabilityOf(durability: Durability, object: OpenObject | undefined): Durability {
  return durability === "disk" && isMemory(object) ? "data" : durability;
}

function flush(range: Range, durability: Durability, object: OpenObject | undefined): void {
  posixMemory.flush(range, durabilityOf(durability, object), object);
}

/** See `MemorySystem.flushOffThread`. Some file systems have no F_FULLFSYNC, and `fsync` alone. */
async function flushOffThread(
  range: Range,
  durability: Durability,
  object: OpenObject | undefined,
): Promise<Error | undefined> {
  const how = durabilityOf(durability, object);
  if (how !== "disk" || object === undefined) {
    return await posixMemory.flushOffThread(range, how, object);
  }
  const failed = await posixMemory.flushOffThread(range, "data", object);
  if (failed !== undefined || await fullSyncOffThread(object)) return failed;
  return await posixMemory.flushOffThread(range, "disk", object);
}

/** See `MemorySystem.usage`. Who else maps shared pages is not told: their share is all of them. */
function usage({ pointer, byteLength }: Range): RegionStats {
  const start = Number(addressOf(pointer));
  const end = start + alignUp(byteLength, pageSize());
  const sum = { resident: 0, proportional: 0, shared: 0, private: 0, dirty: 0, swap: 0, locked: 0 };
  for (let at = start; at < end;) {
    const region = regionAt(BigInt(at));
    if (region === undefined || region.start >= end) break;
    const last = region.start + region.byteLength;
    const overlap = Math.min(end, last) - Math.max(at, region.start);
    const bytes = (pages: number): number => Math.min(pages * pageSize(), overlap);
    const { resident, own, dirtied, swapped } = region.pages;
    sum.resident += bytes(resident);
    sum.private += bytes(own);
    sum.dirty += bytes(dirtied);
    sum.swap += bytes(swapped);
    if (region.isLocked) sum.locked += overlap;
    at = last;
  }
  return { ...sum, proportional: sum.resident, shared: sum.resident - sum.private };
}

/** What file systems and devices say that have no holes. */
const CANNOT_PUNCH: readonly string[] = ["ENOTSUP", "EOPNOTSUPP", "ENOTTY", "EPERM", "EINVAL"];

/** See `MemorySystem.punch`. A file has holes of whole blocks; zeros are written around them. */
function punch({ object, fileOffset, subject }: MapRequest, span: Span): boolean {
  if (object === undefined) return false;
  const from = fileOffset + span.byteOffset;
  const to = from + span.byteLength;
  if (isMemory(object)) {
    zeroMemory(object, from, to);
    return true;
  }
  const { type, blockByteLength } = statusOf(object);
  const [first, last] = [alignUp(from, blockByteLength), alignDown(to, blockByteLength)];
  if (type !== "file" || first >= last) return false;
  const errno = punchHole(object, first, last - first);
  if (CANNOT_PUNCH.includes(errnoName(errno))) return false;
  if (errno !== 0) throw systemError(errno, "fcntl", subject);
  writeAt(object, new Uint8Array(first - from), from);
  writeAt(object, new Uint8Array(to - last), last);
  return true;
}
