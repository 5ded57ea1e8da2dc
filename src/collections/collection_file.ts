/** Opening the file of a collection, or creating it. */

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

/** What to open, and what to create if nothing is there. */
interface FilePlan {
  readonly path: string;
  readonly action: string;
  readonly writable: boolean;
  readonly create: boolean;
  /** Whether only one may have it open for writing. */
  readonly exclusive: boolean;
  /** Describes a new collection. */
  readonly fresh: () => Fresh;
}

/** The description of a new collection. */
export interface Fresh {
  readonly header: Header;
  /** The length of the whole, in bytes. */
  readonly byteLength: number;
  /** Writes the words of the header that are not zero at first. */
  readonly fill?: (words: Int32Array) => void;
}

const MODE = 0o666;

/**
 * Opens the file, which then has at least a complete header.
 *
 * While it is being created, its creator holds the file's lock: of several processes that open a
 * new file at the same time, one creates the collection, and the others find it complete. The lock
 * belongs to the open file and is released with its last duplicate, however the process ends.
 *
 * @returns the open file, which the caller has to close; locked, if it is exclusive
 * @throws {Deno.errors.Busy} If it is exclusive, and somebody else has it.
 * @throws {Deno.errors.InvalidData} If the file is too short for a collection.
 */
export function openCollection(plan: FilePlan): OpenObject {
  const { path, writable, create, exclusive, action } = plan;
  const limited = checkDenied(path, writable);
  const opened = openFile({ path, writable, create, createNew: false, mode: MODE });
  const { objects } = system();
  const { object } = opened;
  try {
    if (limited) checkObjectDenied(object, writable);
    if (exclusive || create) {
      if (!lock(object, path, exclusive)) {
        throw new Deno.errors.Busy(`Cannot ${action}: another writer has '${path}' open`);
      }
      if (create) makeUnlessThere(plan, opened);
      if (!exclusive) objects.unlockFile(object);
    }
    const { type, byteLength } = objects.status(object);
    if (type !== "file" || byteLength < HEADER_BYTE_LENGTH) {
      const what = type === "directory" ? "a directory" : "too short to hold a collection";
      throw invalid(action, `'${path}' is ${what}`);
    }
    return object;
  } catch (error) {
    objects.unlockFile(object);
    objects.close(object);
    throw error;
  }
}

/** How long to wait for the creator of the file, which takes milliseconds. */
const MAKING_MS = 10_000;
const LOOK_MS = 1;
const nobody = new Int32Array(new SharedArrayBuffer(4));

/**
 * Takes the lock. False if `exclusive` is set and somebody else has it; otherwise this waits for
 * the creator.
 */
function lock(object: OpenObject, path: string, exclusive: boolean): boolean {
  const { objects } = system();
  for (const end = performance.now() + MAKING_MS; performance.now() < end;) {
    if (objects.lockFile(object, path)) return true;
    if (exclusive) return false;
    // This thread has to poll: the system's lock wakes nobody.
    Atomics.wait(nobody, 0, 0, LOOK_MS);
  }
  return false;
}

/** Creates the collection in an empty file, or in one whose creator was killed. */
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
    // A creator that was killed right after its first step leaves a page of zeros.
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
 * Maps the beginning of a file, or all of it. The region owns the open file; if this fails, the
 * file is closed.
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
