/** The object verbs: files, and sections of shared memory. */

import { isSystemError } from "../../../ffi/call.ts";
import { windows } from "../../../ffi/windows/library.ts";
import type {
  ObjectStatus,
  ObjectSystem,
  OpenedObject,
  OpenObject,
  OtherProcess,
} from "../system.ts";
import { endMark, lockFile, unlockFile } from "./file_locks.ts";
import * as files from "./files.ts";
import { fillHoles } from "./holes.ts";
import { isThere } from "./processes.ts";
import {
  accessTo,
  adoptSection,
  checkMayShrinkSection,
  closeSection,
  createSection,
  duplicateSection,
  extendSection,
  isSection,
  MEMORY_DEVICE,
  openSection,
  sealSection,
  setSectionSize,
  statusOfSection,
  takeBackSection,
} from "./sections.ts";
import { extend, isUntouched, setSize, takeBack } from "./size.ts";

export function statusOfObject(object: OpenObject): ObjectStatus {
  return isSection(object) ? statusOfSection(object) : files.statusOf(object);
}

export function closeObject(object: OpenObject): void {
  if (isSection(object)) return closeSection(object);
  endMark(object);
  files.close(object);
}

export const PROCESS_DUP_HANDLE = 0x40;

/**
 * See `ObjectSystem.openOfProcess`. The handle is taken from its process, as long as that has it open.
 * Memory of a process that lets nobody do that has a name.
 */
function openOfProcess(
  other: OtherProcess,
  isIt: (status: ObjectStatus) => boolean,
  writable: boolean,
): OpenedObject {
  const { pid, fd, device } = other;
  if (!isThere(other)) throw unreachable(`process ${pid}, which holds it, has ended`);
  const isMemory = device === MEMORY_DEVICE;
  const object = isMemory
    ? memoryOf(other, writable)
    : unlessFailed(() => handleOf(pid, (process) => files.duplicateFrom(process, fd)));
  if (object !== undefined) {
    try {
      const status = statusOfObject(object);
      if (isIt(status)) return { object, status };
    } catch (error) {
      closeObject(object);
      throw error;
    }
    closeObject(object);
  }
  throw unreachable(
    `process ${pid} has closed its descriptor ${fd}, or that is another file now`,
  );
}

/** No HANDLE: the memory is opened by its own number. */
export const BY_NUMBER = 0;

function memoryOf({ pid, fd, inode }: OtherProcess, writable: boolean): OpenObject | undefined {
  return unlessFailed(() => {
    if (fd === BY_NUMBER) return openSection(inode, writable);
    const handle = handleOf(pid, (process) => files.duplicateFrom(process, fd, accessTo(writable)));
    if (handle === undefined) return openSection(inode, writable);
    return adoptSection(handle, writable);
  });
}

/** Calls `duplicate` with a process; undefined if that is not allowed. */
function handleOf(
  pid: number,
  duplicate: (process: bigint) => OpenObject,
): OpenObject | undefined {
  const process = windows().OpenProcess(PROCESS_DUP_HANDLE, 0, pid);
  if (process === 0) return undefined;
  try {
    return duplicate(BigInt(process));
  } finally {
    files.close(process);
  }
}

/** Undefined if the system refuses: there is no such handle, or it is of something else. */
function unlessFailed<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (isSystemError(error) && error.code !== "EACCES") return undefined;
    throw error;
  }
}

function unreachable(state: string): Error {
  return new Deno.errors.NotFound(`Cannot attach to region: ${state}`);
}

export const objects: ObjectSystem = {
  // A drive stands behind a slash there.
  pathOfUrl: (path) => path.replace(/^\/+(?=[A-Za-z]:)/, "").replaceAll("/", "\\"),
  open: files.open,
  openIfThere: files.openIfThere,
  create: files.create,
  linkedFrom: () => undefined,
  pathOfEntry: files.pathOfEntry,
  remove: files.remove,
  adopt(number): OpenObject {
    throw new Deno.errors.NotSupported(
      `Cannot map descriptor ${number} on Windows, where no number of Deno's leads to a file: ` +
        "use MmapRegion.open(path)",
    );
  },
  duplicate: (object) => isSection(object) ? duplicateSection(object) : files.duplicate(object),
  close: closeObject,
  status: statusOfObject,
  nature: (_object, { type }) => {
    if (type === "file") return { single: false, pageSize: files.BLOCK };
    const what = type === "other" ? "pipe" : "device";
    throw new Deno.errors.NotSupported(
      `Cannot map a ${what} on Windows, which maps files alone: use MmapRegion.anonymous() for memory`,
    );
  },
  isPathless: ({ device }) => device === MEMORY_DEVICE,
  pathOf: (object) => isSection(object) ? "" : files.pathOf(object),
  pathsOf: (object) => isSection(object) ? [] : [files.truePathOf(object)],
  openOfProcess,
  setSize: (object, byteLength) =>
    isSection(object) ? setSectionSize(object, byteLength) : setSize(object, byteLength),
  extend(object, before, to, allocate, subject): void {
    if (isSection(object)) extendSection(object, to);
    else extend(object, before, to, allocate, subject);
  },
  takeBack: (object, from, to) =>
    isSection(object) ? takeBackSection(object, from, to) : takeBack(object, from, to),
  isUntouched,
  isFull: (error) => isSystemError(error) && (error.code === "ENOSPC" || error.code === "ENOMEM"),
  fillHoles(object, from, to, subject): void {
    if (!isSection(object)) fillHoles(object, from, to, subject);
  },
  anonymous: (name, byteLength, capacity) =>
    createSection({ byteLength, capacity, mode: 0o600, label: `memory:${name}` }),
  seal: sealSection,
  checkMayShrink(object): void {
    if (isSection(object)) checkMayShrinkSection(object);
  },
  lockFile,
  unlockFile,
};
