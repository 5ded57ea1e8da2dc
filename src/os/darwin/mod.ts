/** macOS. */

import { isSystemError, required, systemError } from "../../../ffi/call.ts";
import { pathOfDescriptor, preallocate, startTimeOfProcess, writeAt } from "../../../ffi/darwin.ts";
import { errnoName } from "../../../ffi/errno.ts";
import { close } from "../../../ffi/file_calls.ts";
import { withoutSizeSignal } from "../../../ffi/size_signal.ts";
import { alignUp } from "../arithmetic.ts";
import { openIfThere } from "../posix/files.ts";
import { onceLoaded, posixBytes } from "../posix/memory.ts";
import { posixObjects } from "../posix/objects.ts";
import { setSize, stretch, takeBack } from "../posix/size.ts";
import type {
  FileSize,
  ObjectStatus,
  ObjectSystem,
  OpenedObject,
  OpenObject,
  OtherProcess,
  System,
} from "../system.ts";
import { memory } from "./memory.ts";
import { anonymous, endOfAnonymous, named, openAnonymous } from "./named.ts";
import { processes } from "./processes.ts";
import {
  checkMayShrink,
  isMemoryOf,
  roomOf,
  sealLength,
  setLength,
  statusOfObject,
} from "./shm.ts";
import { tokens } from "./token.ts";
import { waiting } from "./waiting.ts";

const bytes = onceLoaded(posixBytes);

const objects: ObjectSystem = {
  ...posixObjects,
  anonymous,
  endOfAnonymous,
  checkMayShrink,
  extend,
  isPathless: isMemoryOf,
  openOfProcess,
  pathOf: (object) => pathOfDescriptor(object) ?? "",
  pathsOf: (object) => [pathOfDescriptor(object)].filter((path) => path !== undefined),
  status: statusOfObject,
  seal(object, { shrink, write }): void {
    if (write) required(null, "fcntl"); // there is no such seal
    if (shrink) sealLength(object);
  },
  setSize: (object, byteLength) =>
    isMemory(object) ? setLength(object, () => byteLength) : setSize(object, byteLength),
  takeBack: (object, from, to) =>
    isMemory(object)
      ? setLength(object, (length) => length === to ? from : length)
      : takeBack(object, from, to),
};

function isMemory(object: OpenObject): boolean {
  return roomOf(object) !== undefined;
}

/** What file systems say that cannot reserve blocks. */
const CANNOT_RESERVE: readonly string[] = ["ENOTSUP", "EOPNOTSUPP", "EINVAL"];

/** See `ObjectSystem.extend`. Blocks can be reserved behind a file's last one alone: holes stay holes. */
function extend(
  object: OpenObject,
  { byteLength: from }: FileSize,
  to: number,
  allocate: boolean,
  subject: string | undefined,
): void {
  if (isMemory(object)) return setLength(object, (length) => Math.max(length, to));
  const missing = to - alignUp(from, statusOfObject(object).blockByteLength);
  const errno = allocate && missing > 0 ? preallocate(object, missing) : 0;
  if (errno === 0) return stretch(object, to);
  if (!CANNOT_RESERVE.includes(errnoName(errno))) throw systemError(errno, "fcntl", subject);
  try {
    writeZeros(object, from, to);
  } catch (error) {
    takeBack(object, from, to);
    throw error;
  }
}

const PART = 2 ** 20;

/** Zeros take blocks where none can be reserved. */
function writeZeros(object: OpenObject, from: number, to: number): void {
  const zeros = new Uint8Array(Math.min(PART, to - from));
  withoutSizeSignal(() => {
    for (let at = from; at < to; at += PART) writeAt(object, zeros.subarray(0, to - at), at);
  }, to);
}

/**
 * See `ObjectSystem.openOfProcess`. Descriptors of other processes are out of reach: anonymous memory has
 * a name as long as the region that it was made for, and a file is found by its number on its device.
 */
function openOfProcess(
  other: OtherProcess,
  isIt: (status: ObjectStatus) => boolean,
  writable: boolean,
): OpenedObject {
  const { pid, fd, device, inode } = other;
  const isMemory = device === 0;
  if (isMemory) checkOwner(other);
  const object = isMemory
    ? unlessNotFound(() => openAnonymous(inode, writable))
    : openIfThere(`/.vol/${device}/${inode}`, { writable });
  const found = ifIt(object, isIt) ?? ifIt(ownDescriptor(other), isIt);
  if (found !== undefined) return found;
  throw unreachable(
    `process ${pid} has closed its descriptor ${fd}, or that is another file now`,
  );
}

/** What a process that was killed has left behind is nobody's. @throws {Deno.errors.NotFound} */
function checkOwner({ pid, startTime, bootId }: OtherProcess): void {
  if (bootId !== processes.boot()) {
    throw unreachable("it was made before a reboot or on another machine");
  }
  const started = startTimeOfProcess(pid);
  if (started === 0) throw unreachable(`process ${pid}, which holds it, has ended`);
  if (started === undefined || started === startTime) return;
  throw unreachable(`process ${pid} is another process now`);
}

/** Closes what is another object. */
function ifIt(
  object: OpenObject | undefined,
  isIt: (status: ObjectStatus) => boolean,
): OpenedObject | undefined {
  if (object === undefined) return undefined;
  const status = statusOfObject(object);
  if (isIt(status)) return { object, status };
  close(object);
  return undefined;
}

/** What this very process has open, in whichever of its isolates; undefined if it is another one's. */
function ownDescriptor({ pid, startTime, fd }: OtherProcess): OpenObject | undefined {
  if (pid !== Deno.pid || startTime !== processes.own().startTime) return undefined;
  try {
    return posixObjects.duplicate(fd as OpenObject);
  } catch (error) {
    if (isSystemError(error)) return undefined; // closed meanwhile
    throw error;
  }
}

function unlessNotFound<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function unreachable(state: string): Error {
  return new Deno.errors.NotFound(`Cannot attach to region: ${state}`);
}

/** It keeps what pages held that it drops. */
export const darwin: System = {
  name: "darwin",
  memory,
  get bytes() {
    return bytes();
  },
  objects,
  named,
  processes,
  tokens,
  waiting,
  passing: async () => (await import("../posix/passing.ts")).passing,
};
