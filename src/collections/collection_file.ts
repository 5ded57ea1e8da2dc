/** Opening the file of a collection, and making it if it is not there. */

import { type OpenedFile, openFile } from "../object/open_file.ts";
import { checkDenied, checkObjectDenied } from "../object/permission.ts";
import { system } from "../os/mod.ts";
import type { OpenObject } from "../os/system.ts";
import { EMPTY, mapFile } from "../region/make.ts";
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
 * While it is being made, its maker holds the file's lock, so that of several processes that
 * open it first one makes it and the others find it made. The lock belongs to the open file and goes
 * with its last duplicate, however the process ends.
 *
 * @returns the open file, which is the caller's; locked, if it is to be exclusive
 * @throws {Deno.errors.Busy} If somebody else has it, and it is to be exclusive.
 * @throws {Deno.errors.InvalidData} If the file is too short for a collection.
 */
export function openCollection(plan: FilePlan): OpenObject {
  const { path, writable, create, exclusive, action } = plan;
  checkDenied(path, writable);
  const opened = openFile({ path, writable, create, createNew: false, mode: MODE });
  const { objects } = system();
  const { object } = opened;
  try {
    checkObjectDenied(object, writable);
    if (exclusive || create) {
      if (!lock(object, path, exclusive)) {
        throw new Deno.errors.Busy(`Cannot ${action}: another writer has '${path}' open`);
      }
      if (create) makeUnlessThere(plan, opened);
      if (!exclusive) objects.unlockFile(object);
    }
    const { type, byteLength } = objects.status(object);
    if (type !== "file" || byteLength < HEADER_BYTE_LENGTH) {
      throw invalid(action, `'${path}' is too short to hold a collection`);
    }
    return object;
  } catch (error) {
    objects.unlockFile(object);
    objects.close(object);
    throw error;
  }
}

/** How long to wait for whoever makes the file; it takes milliseconds. */
const MAKING_MS = 10_000;
const LOOK_MS = 1;
const nobody = new Int32Array(new SharedArrayBuffer(4));

/** False if somebody else has it and `exclusive` says that this is no matter of time. */
function lock(object: OpenObject, path: string, exclusive: boolean): boolean {
  const { objects } = system();
  for (const end = performance.now() + MAKING_MS; performance.now() < end;) {
    if (objects.lockFile(object, path)) return true;
    if (exclusive) return false;
    // Nothing would wake this thread: the lock is the system's.
    Atomics.wait(nobody, 0, 0, LOOK_MS);
  }
  return false;
}

/** Makes the collection in an empty file, or in one whose maker was killed. */
function makeUnlessThere(plan: FilePlan, { object, created, path }: OpenedFile): void {
  if (!isToBeMade(object, plan)) return;
  const { objects } = system();
  try {
    if (objects.status(object).byteLength > 0) objects.setSize(object, 0);
    const { header, byteLength, fill } = plan.fresh();
    objects.extend(object, EMPTY, HEADER_BYTE_LENGTH, true, plan.path);
    withHeader(object, plan, true, markUnfinished);
    objects.extend(object, objects.status(object), byteLength, true, plan.path);
    withHeader(object, plan, true, (words) => {
      fill?.(words);
      writeHeader(words, header);
    });
  } catch (error) {
    if (created) objects.remove(path, object);
    else objects.setSize(object, 0);
    throw error;
  }
}

function isToBeMade(object: OpenObject, plan: FilePlan): boolean {
  const { byteLength } = system().objects.status(object);
  if (byteLength === 0) return true;
  if (byteLength < HEADER_BYTE_LENGTH) return false;
  return withHeader(object, plan, false, (words) =>
    // Killed right after its first step, the maker leaves a page of zeros.
    isUnfinished(words) || byteLength === HEADER_BYTE_LENGTH && words.every((word) => word === 0));
}

function withHeader<T>(
  object: OpenObject,
  plan: FilePlan,
  writable: boolean,
  use: (words: Int32Array) => T,
): T {
  const another = system().objects.duplicate(object);
  using region = mapObject(another, plan.path, writable, HEADER_BYTE_LENGTH);
  return use(ownView(region, Int32Array));
}

/**
 * Maps the beginning of a file, or all of it. The region owns the open file, also if this fails.
 *
 * @throws the system error of `mmap`
 */
export function mapObject(
  object: OpenObject,
  path: string,
  writable: boolean,
  byteLength?: number,
): MmapRegion {
  const { objects } = system();
  try {
    const status = objects.status(object);
    const nature = objects.nature(object, status);
    const plan = planMap({}, "map collection", writable ? "read-write" : "read");
    return regionOver(mapFile({
      plan,
      byteLength: byteLength ?? status.byteLength,
      object,
      subject: path,
      kind: "file",
      nature,
    }));
  } catch (error) {
    objects.close(object);
    throw error;
  }
}
