/** Opening the file of a collection, and making it if it is not there. */

import { checkZero, isSystemError } from "../../ffi/call.ts";
import { LOCK_EX, LOCK_NB, LOCK_UN } from "../../ffi/constants.ts";
import { close, ftruncate } from "../../ffi/file_calls.ts";
import { libc } from "../../ffi/libc.ts";
import { statusOf } from "../../ffi/status.ts";
import { duplicate, type OpenedFile, openFile, removeCreated } from "../object/open_file.ts";
import { natureOf } from "../object/nature.ts";
import { checkDenied, checkDescriptorDenied } from "../object/permission.ts";
import { EMPTY, extend } from "../object/size.ts";
import { mapFile } from "../region/make.ts";
import { type MmapRegion, regionOver } from "../region/mmap_region.ts";
import { planMap } from "../region/plan.ts";
import { ownView } from "../region/own_view.ts";
import {
  type Header,
  HEADER_BYTE_LENGTH,
  invalid,
  isUnfinished,
  markUnfinished,
  writeHeader,
} from "./header.ts";

/** What to open, and what to make where there is nothing. */
interface FilePlan {
  readonly path: string;
  readonly action: string;
  readonly writable: boolean;
  readonly create: boolean;
  /** Only one may have it open for writing. */
  readonly exclusive: boolean;
  /** What a new one is, and how long its file is. */
  readonly fresh: () => Fresh;
}

/** What a new collection is. */
export interface Fresh {
  readonly header: Header;
  /** Of the whole, in bytes. */
  readonly byteLength: number;
  /** Writes what is not zero from the start, in the header. */
  readonly fill?: (words: Int32Array) => void;
}

const MODE = 0o666;

/**
 * Opens the file, with at least a header's length in it.
 *
 * While it is being made, its maker holds an exclusive `flock`, so that of several processes that
 * open it first one makes it and the others find it made. The lock belongs to the open file and goes
 * with its last descriptor, however the process ends.
 *
 * @returns its descriptor, which is the caller's; locked, if it is to be exclusive
 * @throws {Deno.errors.Busy} If somebody else has it, and it is to be exclusive.
 * @throws {Deno.errors.InvalidData} If the file is too short for a collection.
 */
export function openCollection(plan: FilePlan): number {
  const { path, writable, create, exclusive, action } = plan;
  checkDenied(path, writable);
  const opened = openFile({ path, writable, create, createNew: false, mode: MODE });
  const { fd } = opened;
  try {
    checkDescriptorDenied(fd, writable);
    if (exclusive || create) {
      if (!lock(fd, path, exclusive)) {
        throw new Deno.errors.Busy(`Cannot ${action}: another writer has '${path}' open`);
      }
      if (create) makeUnlessThere(plan, opened);
      if (!exclusive) unlock(fd);
    }
    const { type, byteLength } = statusOf(fd);
    if (type !== "file" || byteLength < HEADER_BYTE_LENGTH) {
      throw invalid(action, `'${path}' is too short to hold a collection`);
    }
    return fd;
  } catch (error) {
    unlock(fd);
    close(fd);
    throw error;
  }
}

/** How long to wait for whoever makes the file; it takes milliseconds. */
const MAKING_MS = 10_000;
const LOOK_MS = 1;
const nobody = new Int32Array(new SharedArrayBuffer(4));

/** False if somebody else has it and `exclusive` says that this is no matter of time. */
function lock(fd: number, path: string, exclusive: boolean): boolean {
  for (const end = performance.now() + MAKING_MS; performance.now() < end;) {
    try {
      checkZero(libc().flock(fd, LOCK_EX | LOCK_NB), "flock", path);
      return true;
    } catch (error) {
      if (!isSystemError(error) || error.code !== "EAGAIN" && error.code !== "EINTR") throw error;
      if (exclusive) return false;
      // Nothing would wake this thread: the lock is the kernel's.
      Atomics.wait(nobody, 0, 0, LOOK_MS);
    }
  }
  return false;
}

/** Explicitly, because a child that is just being started has the descriptor too for a moment. */
export function unlock(fd: number): void {
  libc().flock(fd, LOCK_UN);
}

/** Makes the collection in an empty file, or in one whose maker was killed. */
function makeUnlessThere(plan: FilePlan, { fd, created, path }: OpenedFile): void {
  if (!isToBeMade(fd, plan)) return;
  try {
    if (statusOf(fd).byteLength > 0) ftruncate(fd, 0);
    const { header, byteLength, fill } = plan.fresh();
    extend(fd, EMPTY, HEADER_BYTE_LENGTH, true, plan.path);
    withHeader(fd, plan, true, markUnfinished);
    extend(fd, statusOf(fd), byteLength, true, plan.path);
    withHeader(fd, plan, true, (words) => {
      fill?.(words);
      writeHeader(words, header);
    });
  } catch (error) {
    if (created) removeCreated(path, fd);
    else ftruncate(fd, 0);
    throw error;
  }
}

function isToBeMade(fd: number, plan: FilePlan): boolean {
  const { byteLength } = statusOf(fd);
  if (byteLength === 0) return true;
  if (byteLength < HEADER_BYTE_LENGTH) return false;
  return withHeader(fd, plan, false, (words) =>
    // Killed right after its first step, the maker leaves a page of zeros.
    isUnfinished(words) || byteLength === HEADER_BYTE_LENGTH && words.every((word) => word === 0));
}

function withHeader<T>(
  fd: number,
  plan: FilePlan,
  writable: boolean,
  use: (words: Int32Array) => T,
): T {
  using region = mapDescriptor(duplicate(fd), plan.path, writable, HEADER_BYTE_LENGTH);
  return use(ownView(region, Int32Array));
}

/**
 * Maps the beginning of a file, or all of it. The region owns the descriptor, also if this fails.
 *
 * @throws the system error of `mmap`
 */
export function mapDescriptor(
  fd: number,
  path: string,
  writable: boolean,
  byteLength?: number,
): MmapRegion {
  try {
    const status = statusOf(fd);
    const nature = natureOf(fd, status);
    const plan = planMap({}, "map collection", writable ? "read-write" : "read");
    return regionOver(mapFile({
      plan,
      byteLength: byteLength ?? status.byteLength,
      fd,
      subject: path,
      kind: "file",
      nature,
    }));
  } catch (error) {
    close(fd);
    throw error;
  }
}
