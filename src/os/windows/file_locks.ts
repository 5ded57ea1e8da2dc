/**
 * Locks of single bytes of a file, where no file reaches: so nobody's bytes are locked. Other systems
 * see them too if they serve the file, or if this is Wine: there they are locks as POSIX has them.
 *
 * The tokens of other systems are locks of bytes from FIRST_TOKEN on (`posix/token.ts`), and those of
 * Windows are mutexes, which other systems cannot see. So a file has tokens of one kind at a time.
 */

import {
  checkTrue,
  ERROR_ACCESS_DENIED,
  ERROR_LOCK_VIOLATION,
} from "../../../ffi/windows/errors.ts";
import { lastError, wide, windows } from "../../../ffi/windows/library.ts";
import type { ObjectStatus, OpenObject } from "../system.ts";
import { close, statusOf } from "./files.ts";
import { overlappedAt } from "./size.ts";

/** Locked by all who have tokens of Windows; others look at it: `ffi/file_lock.ts`. */
const USED_HERE = 2n ** 62n;
/** Locked by who looks for tokens of other systems: looking is locking, too. */
const LOOKING = USED_HERE + 1n;
/** Locked by who has a file to itself: see `ObjectSystem.lockFile`. */
const WHOLE_FILE = USED_HERE + 2n;

/** The bytes of the tokens of other systems, whose numbers are never 0. */
const FIRST_TOKEN = USED_HERE + 2n ** 32n;
const TOKENS = 2n ** 62n - 2n ** 32n - 1n;

const SYNCHRONIZE = 0x100000;
const LOCKFILE_FAIL_IMMEDIATELY = 1;
const LOCKFILE_EXCLUSIVE_LOCK = 2;

/** Locks bytes. @returns false if somebody is in the way */
function lock(object: OpenObject, at: bigint, flags: number, path: string, count = 1n): boolean {
  const [low, high] = [Number(count & 0xffffffffn), Number(count >> 32n)];
  const result = windows().LockFileEx(BigInt(object), flags, 0, low, high, overlappedAt(at));
  const error = lastError[0]!;
  if (result === 0 && error === ERROR_LOCK_VIOLATION) return false;
  checkTrue(result, error, "LockFileEx", path);
  return true;
}

function unlock(object: OpenObject, at: bigint, count = 1n): void {
  const [low, high] = [Number(count & 0xffffffffn), Number(count >> 32n)];
  windows().UnlockFileEx(BigInt(object), 0, low, high, overlappedAt(at));
}

const AT_ONCE = LOCKFILE_FAIL_IMMEDIATELY | LOCKFILE_EXCLUSIVE_LOCK;

/** What tells others who has a file to itself, which the system does not: a mutex with a name. */
const marks = new Map<OpenObject, number>();

function markOf({ device, inode }: Pick<ObjectStatus, "device" | "inode">, pid: number): Uint8Array<
  ArrayBuffer
> {
  return wide(`Global\\mmap.locker.${device}.${inode}.${pid}`);
}

/** See `ObjectSystem.lockFile`. */
export function lockFile(object: OpenObject, path: string): boolean {
  if (!lock(object, WHOLE_FILE, AT_ONCE, path)) return false;
  const mark = windows().CreateMutexW(null, 0, markOf(statusOf(object), Deno.pid));
  if (mark !== 0) marks.set(object, mark); // it is for display only
  return true;
}

/** See `ObjectSystem.unlockFile`. */
export function unlockFile(object: OpenObject): void {
  endMark(object);
  unlock(object, WHOLE_FILE);
}

/** Closing a file unlocks it, too. */
export function endMark(object: OpenObject): void {
  const mark = marks.get(object);
  if (mark === undefined) return;
  marks.delete(object);
  close(mark);
}

/** Which of some processes has a file to itself; undefined if none of them has. */
export function lockerAmong(
  file: Pick<ObjectStatus, "device" | "inode">,
  pids: readonly number[],
): number | undefined {
  return pids.find((pid) => {
    const mark = windows().OpenMutexW(SYNCHRONIZE, 0, markOf(file, pid));
    if (mark === 0) return lastError[0] === ERROR_ACCESS_DENIED;
    close(mark);
    return true;
  });
}

/**
 * Tells other systems that a file has tokens of Windows, until {@linkcode endTokens}. They look after
 * they have made a token, and this looks after it has told them: so one sees the other.
 *
 * @throws {Deno.errors.Busy} If the file has tokens of another system.
 */
export function beginTokens(object: OpenObject, path: string): void {
  if (lock(object, USED_HERE, LOCKFILE_FAIL_IMMEDIATELY, path)) {
    if (!hasOtherTokens(object, path)) return;
    endTokens(object);
  }
  throw new Deno.errors.Busy(
    `Cannot use locks in '${path}': a program of another system uses locks there, and Windows ` +
      "cannot see whether that is alive",
  );
}

/** How long to wait for those who look. They make a few calls each, unless they stand still. */
const PATIENCE_MS = 1000;
const pause = new Int32Array(new SharedArrayBuffer(4));

/** @returns false if somebody stays in the way, such as a program that has locked the whole file */
function beginLooking(object: OpenObject, path: string): boolean {
  for (const end = performance.now() + PATIENCE_MS; !lock(object, LOOKING, AT_ONCE, path);) {
    if (performance.now() > end) return false;
    Atomics.wait(pause, 0, 0, 1);
  }
  return true;
}

function hasOtherTokens(object: OpenObject, path: string): boolean {
  if (!beginLooking(object, path)) return true;
  try {
    if (!lock(object, FIRST_TOKEN, AT_ONCE, path, TOKENS)) return true;
    unlock(object, FIRST_TOKEN, TOKENS);
    return false;
  } finally {
    unlock(object, LOOKING);
  }
}

export function endTokens(object: OpenObject): void {
  unlock(object, USED_HERE);
}
