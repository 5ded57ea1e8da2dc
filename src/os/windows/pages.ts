/**
 * Pages: protection, writing back, locking, faulting in, and what is in memory. For the system, views
 * beside each other are several objects, so some calls are made for each.
 */

import { addressOf, type Range, withAddressOf } from "../../../ffi/memory.ts";
import {
  checkAddress,
  checkTrue,
  ERROR_ACCESS_DENIED,
  ERROR_INVALID_PARAMETER,
  ERROR_LOCK_VIOLATION,
  ERROR_NOACCESS,
  ERROR_NOT_LOCKED,
  ERROR_WORKING_SET_QUOTA,
  windowsError,
} from "../../../ffi/windows/errors.ts";
import { lastError, newStruct, SELF, type Struct, windows } from "../../../ffi/windows/library.ts";
import type {
  Advice,
  Durability,
  MapRequest,
  OpenObject,
  Protection,
  RegionStats,
} from "../system.ts";
import {
  type Area,
  areasOf,
  MEM_COMMIT,
  PAGE_EXECUTE_WRITECOPY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
  pointerTo,
} from "./allocations.ts";
import { copy } from "./copy.ts";
import { isSection } from "./sections.ts";
import { PAGE, protectionOf, split } from "./views.ts";

function rangeOf({ start, end }: Pick<Area, "start" | "end">): Range {
  return { pointer: pointerTo(start), byteLength: end - start };
}

/** Whether the view that an area is part of copies pages that are written to. */
function isCopied({ madeWith, isView }: Area): boolean {
  return isView && (madeWith & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY)) !== 0;
}

/** See `MemorySystem.protect`. What is not there yet gets the protection of its mapping. */
export function protect(range: Range, protection: Protection, subject: string | undefined): void {
  const { VirtualProtect } = windows();
  const before = new Uint8Array(4);
  for (const area of [...areasOf(range)]) {
    if (!area.isCommitted) continue;
    const wanted = protectionOf(protection, isCopied(area));
    if (area.protection === wanted) continue;
    const { pointer, byteLength } = rangeOf(area);
    const result = VirtualProtect(pointer, BigInt(byteLength), wanted, before);
    const error = lastError[0]!;
    // A view allows no more than it was made with, and says so in this way.
    const isForbidden = area.isView && error === ERROR_INVALID_PARAMETER;
    checkTrue(result, isForbidden ? ERROR_ACCESS_DENIED : error, "VirtualProtect", subject);
  }
}

/** The views in a range. Pages of one view that differ in protection are one view all the same. */
function viewsOf(range: Range): Range[] {
  const views: { start: number; end: number; allocation: number }[] = [];
  for (const { start, end, allocation, isView, isCommitted } of areasOf(range)) {
    if (!isView || !isCommitted) continue;
    const last = views.at(-1);
    if (last?.allocation === allocation && last.end === start) last.end = end;
    else views.push({ start, end, allocation });
  }
  return views.map(rangeOf);
}

/** Whether a flush has a file to write. */
function isOnDisk(object: OpenObject | undefined): object is OpenObject {
  return object !== undefined && !isSection(object);
}

const FLUSH_TRIES = 1000;
const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Writes a view back. Windows refuses that while it writes some of the pages itself. */
function flushView({ pointer, byteLength }: Range): void {
  for (let tries = 1;; tries++) {
    const result = windows().FlushViewOfFile(pointer, BigInt(byteLength));
    const error = lastError[0]!;
    if (result !== 0 || error !== ERROR_LOCK_VIOLATION || tries === FLUSH_TRIES) {
      return checkTrue(result, error, "FlushViewOfFile");
    }
    Atomics.wait(nobody, 0, 0, 1); // a millisecond
  }
}

/** See `MemorySystem.flush`. Windows writes back by itself, as Linux does: "memory" asks for no more. */
export function flush(range: Range, durability: Durability, object: OpenObject | undefined): void {
  if (durability === "memory" || !isOnDisk(object)) return;
  for (const view of viewsOf(range)) flushView(view);
  if (durability !== "disk") return;
  const result = windows().FlushFileBuffers(BigInt(object));
  const error = lastError[0]!;
  // Who may not write has nothing to flush.
  if (error !== ERROR_ACCESS_DENIED) checkTrue(result, error, "FlushFileBuffers");
}

/** Flushes on a thread of Deno's pool. @returns whether all calls worked */
async function isFlushed(
  range: Range,
  durability: Durability,
  object: OpenObject,
): Promise<boolean> {
  const { flushViewOffThread, flushFileBuffersOffThread } = windows();
  for (const { pointer, byteLength } of viewsOf(range)) {
    if (await flushViewOffThread(pointer, BigInt(byteLength)) === 0) return false;
  }
  return durability !== "disk" || await flushFileBuffersOffThread(BigInt(object)) !== 0;
}

/** See `MemorySystem.flushOffThread`. */
export async function flushOffThread(
  range: Range,
  durability: Durability,
  object: OpenObject | undefined,
): Promise<Error | undefined> {
  if (!isOnDisk(object) || await isFlushed(range, durability, object)) return undefined;
  try {
    flush(range, durability, object); // only a call of this thread tells why
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** Whether this isolate has ever locked a page: only then is it asked which are locked. */
let locksPages = false;

/** Whether some pages are locked. To take them out of memory would unlock them. */
function areLocked(range: Range): boolean {
  if (!locksPages) return false;
  for (const bits of workingSetOf(range)) if ((bits & IS_LOCKED) !== 0) return true;
  return false;
}

/** See `MemorySystem.lock`. The working set has to be so large that all locked pages fit. */
export function lock({ pointer, byteLength }: Range): void {
  locksPages = true;
  const { VirtualLock } = windows();
  let result = VirtualLock(pointer, BigInt(byteLength));
  let error = lastError[0]!;
  if (result === 0 && error === ERROR_WORKING_SET_QUOTA && growWorkingSet(byteLength)) {
    result = VirtualLock(pointer, BigInt(byteLength));
    error = lastError[0]!;
  }
  checkTrue(result, error, "VirtualLock");
}

function growWorkingSet(byteLength: number): boolean {
  const { GetProcessWorkingSetSize, SetProcessWorkingSetSize } = windows();
  const [least, most] = [newStruct(8), newStruct(8)];
  GetProcessWorkingSetSize(SELF, least.bytes, most.bytes);
  const larger = ({ view }: Struct): bigint => view.getBigUint64(0, true) + BigInt(byteLength);
  return SetProcessWorkingSetSize(SELF, larger(least), larger(most)) !== 0;
}

/** See `MemorySystem.unlock`. */
export function unlock({ pointer, byteLength }: Range): void {
  const result = windows().VirtualUnlock(pointer, BigInt(byteLength));
  const error = lastError[0]!;
  if (error !== ERROR_NOT_LOCKED) checkTrue(result, error, "VirtualUnlock");
}

/** WIN32_MEMORY_RANGE_ENTRY: 0 address, 8 length. */
function prefetch({ pointer, byteLength }: Range): void {
  const { bytes, view } = newStruct(16);
  view.setBigUint64(0, addressOf(pointer), true);
  view.setBigUint64(8, BigInt(byteLength), true);
  windows().PrefetchVirtualMemory(SELF, 1n, bytes, 0); // only a hint
}

/** What does nothing here: the order of reading is for `open`, and nobody forks or dumps cores. */
const WITHOUT_EFFECT: readonly Advice[] = [
  ...["normal", "random", "sequential"] as const,
  ...["dont-fork", "do-fork", "dont-dump", "do-dump", "no-huge-page"] as const,
];

/** See `MemorySystem.advise`. */
export function advise(range: Range, advice: Advice): void {
  if (WITHOUT_EFFECT.includes(advice)) return;
  switch (advice) {
    case "will-need":
      return prefetch(range);
    case "dont-need":
    case "free":
      if (drop(range)) return;
      return leave(range);
    case "cold":
    case "page-out":
      return leave(range);
    default:
      throw new Deno.errors.NotSupported(
        `Cannot advise region as Windows has no such advice: received "${advice}"`,
      );
  }
}

/** Takes pages out of the working set: `VirtualUnlock` does that to pages that are not locked. */
function leave(range: Range): void {
  if (areLocked(range)) throw windowsError(ERROR_INVALID_PARAMETER, "VirtualUnlock");
  windows().VirtualUnlock(range.pointer, BigInt(range.byteLength));
}

const MEM_DECOMMIT = 0x4000;

/** See `MemorySystem.drop`. */
export function drop(range: Range): boolean {
  const areas = [...areasOf(range)];
  const isPlain = areas.every(({ isView, isCommitted, protection }) =>
    !isView && isCommitted && protection === PAGE_READWRITE
  );
  if (!isPlain || areLocked(range)) return false;
  const { pointer, byteLength } = range;
  const { VirtualAlloc, VirtualFree } = windows();
  if (VirtualFree(pointer, BigInt(byteLength), MEM_DECOMMIT) === 0) return false;
  const there = VirtualAlloc(pointer, BigInt(byteLength), MEM_COMMIT, PAGE_READWRITE);
  const error = lastError[0]!;
  // Others may have taken the memory that was given back. The guard puts zeros in a placeholder.
  if (there === null) split(Number(addressOf(pointer)), byteLength);
  checkAddress(there, error, "VirtualAlloc");
  return true;
}

/** See `MemorySystem.populate`. Reading a byte of each page faults it in, without a fault here. */
export function populate(range: Range, _request: MapRequest, patchy: boolean): void {
  prefetch(range);
  const start = addressOf(range.pointer);
  withAddressOf(new Uint8Array(1), (byte) => {
    for (let at = 0; at < range.byteLength; at += PAGE) {
      if (copy("out", byte, start + BigInt(at), 1) === 1 || patchy) continue;
      throw windowsError(ERROR_NOACCESS, "PrefetchVirtualMemory");
    }
  });
}

/** How many pages are asked for at once. */
const MOST_PAGES = 65536;

/** PSAPI_WORKING_SET_EX_BLOCK: bit 0 valid, 1-3 how many share it, 15 shared, 22 locked. */
function* workingSetOf({ pointer, byteLength }: Range): Generator<number> {
  const start = addressOf(pointer);
  const { K32QueryWorkingSetEx } = windows();
  const pages = Math.ceil(byteLength / PAGE);
  for (let done = 0; done < pages; done += MOST_PAGES) {
    const count = Math.min(pages - done, MOST_PAGES);
    const { bytes, view } = newStruct(16 * count);
    for (let i = 0; i < count; i++) {
      view.setBigUint64(16 * i, start + BigInt((done + i) * PAGE), true);
    }
    checkTrue(
      K32QueryWorkingSetEx(SELF, bytes, 16 * count),
      lastError[0]!,
      "K32QueryWorkingSetEx",
    );
    for (let i = 0; i < count; i++) yield view.getUint32(16 * i + 8, true);
  }
}

const IS_VALID = 1;
const IS_SHARED = 1 << 15;
const IS_LOCKED = 1 << 22;

/** See `MemorySystem.residency`: what is in this process's working set. */
export function residency(range: Range): Uint8Array<ArrayBuffer> {
  const map = new Uint8Array(Math.ceil(range.byteLength / PAGE));
  let page = 0;
  for (const bits of workingSetOf(range)) map[page++] = bits & IS_VALID;
  return map;
}

/** See `MemorySystem.usage`. What was changed or swapped out is not told. */
export function usage(range: Range): RegionStats {
  const sum = { resident: 0, proportional: 0, shared: 0, private: 0, dirty: 0, swap: 0, locked: 0 };
  for (const bits of workingSetOf(range)) {
    if ((bits & IS_VALID) === 0) continue;
    const sharers = Math.max(1, bits >>> 1 & 7);
    const isShared = (bits & IS_SHARED) !== 0 && sharers > 1;
    sum.resident += PAGE;
    sum.proportional += isShared ? PAGE / sharers : PAGE;
    sum[isShared ? "shared" : "private"] += PAGE;
    if ((bits & IS_LOCKED) !== 0) sum.locked += PAGE;
  }
  return sum;
}
