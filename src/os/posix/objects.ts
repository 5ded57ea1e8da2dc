/** The object verbs of every system that has descriptors. */

import { checkZero, isSystemError } from "../../../ffi/call.ts";
import { LOCK_EX, LOCK_NB, LOCK_UN } from "../../../ffi/constants.ts";
import { close } from "../../../ffi/file_calls.ts";
import { libc } from "../../../ffi/libc.ts";
import { statusOf } from "../../../ffi/status.ts";
import type { OpenObject } from "../object_system.ts";
import {
  adopt,
  create,
  duplicate,
  linkedFrom,
  open,
  openIfThere,
  pathOfEntry,
  remove,
} from "./files.ts";
import { fillHoles } from "./holes.ts";
import { natureOf } from "./nature.ts";
import { extend, isUntouched, setSize, takeBack } from "./size.ts";

export const posixObjects = {
  open,
  openIfThere,
  create,
  linkedFrom,
  pathOfEntry,
  remove,
  adopt,
  duplicate,
  close: (object: OpenObject): void => void close(object),
  status: statusOf,
  nature: natureOf,
  setSize,
  extend,
  takeBack,
  isUntouched,
  fillHoles,
  isFull: (error: unknown): boolean => isSystemError(error) && error.code === "ENOSPC",
  lockFile,
  unlockFile,
};

/**
 * Takes a file's exclusive `flock`, which is released with the last descriptor of its description.
 */
function lockFile(object: OpenObject, path: string): boolean {
  try {
    checkZero(libc().flock(object, LOCK_EX | LOCK_NB), "flock", path);
    return true;
  } catch (error) {
    if (isSystemError(error) && (error.code === "EAGAIN" || error.code === "EINTR")) return false;
    throw error;
  }
}

/**
 * Unlocks explicitly: a child process that is being started may have the descriptor for a moment.
 */
function unlockFile(object: OpenObject): void {
  libc().flock(object, LOCK_UN);
}
