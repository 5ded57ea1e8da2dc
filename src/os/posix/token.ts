/**
 * Tokens show other processes that an isolate is alive.
 *
 * A token is a lock of one byte (`ffi/file_lock.ts`) of an object, at 2^62 or beyond. Its open file
 * description belongs to one isolate and one region alone. The kernel releases the lock when the
 * descriptor is closed: with the region, with a Worker's thread, or with the process. So every
 * process that has the object open, in any namespace and as any user, can ask the kernel whether
 * the token's holder is alive, without /proc.
 *
 * A token's name is two words, which select the byte:
 *
 * | word | bits | what |
 * |---|---|---|
 * | number | 0-29 | random, never 0; no two tokens of an object have it at a time |
 * | fingerprint | 0-21 | the number of the isolate's thread, in its own PID namespace |
 * | | 22-31 | random |
 *
 * The number alone identifies a living holder. So one exchange of 32 bits takes a lock: a holder
 * that dies before it has written its fingerprint is still found dead.
 */

import { systemError } from "../../../ffi/call.ts";
import { errnoName } from "../../../ffi/errno.ts";
import { close } from "../../../ffi/file_calls.ts";
import {
  isLocked,
  isNumberLocked,
  isUsedByWindows,
  lockByte,
  unlockByte,
} from "../../../ffi/file_lock.ts";
import { closeTied, tieToThread } from "../../../ffi/thread.ts";
import type { Name, Token } from "../process_system.ts";

/** How many names are tried. A random name is hardly ever taken. */
const MOST_TRIES = 8;

/** The errors of `fcntl` on file systems without such locks. */
const NO_LOCKS = ["EINVAL", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"];

/** A locked byte. */
class LockedByte implements Token {
  readonly number: number;
  readonly fingerprint: number;
  readonly #fd: number;
  readonly #close: (fd: number) => void;

  constructor({ number, fingerprint }: Name, fd: number, close: (fd: number) => void) {
    this.number = number;
    this.fingerprint = fingerprint;
    this.#fd = fd;
    this.#close = close;
  }

  /** Gives the token up: from now on its name counts as a dead holder's. */
  release(): void {
    // Closing alone is not enough: a child process that is being started may have the descriptor
    // for a moment.
    unlockByte(this.#fd, this.number, this.fingerprint);
    this.#close(this.#fd);
  }
}

/** An open file description for one token alone, and the way to close it. */
export interface Description {
  readonly fd: number;
  readonly close: (fd: number) => void;
}

/**
 * Takes a token of an object; see `TokenSystem.take`.
 *
 * @param looker a descriptor of the same file, with another description
 * @param thread the number that tells readers who it is: of 22 bits
 */
export function takeToken(
  { fd, close }: Description,
  looker: number,
  path: string,
  thread: number,
): Token | undefined {
  try {
    const name = lockName(fd, looker, path, thread);
    if (name !== undefined) checkNotOfWindows(fd, path);
    if (name !== undefined) return new LockedByte(name, fd, close);
  } catch (error) {
    close(fd);
    throw error;
  }
  close(fd);
  return undefined;
}

/** After the token was made: programs for Windows tell of theirs, and look for others' then. */
function checkNotOfWindows(fd: number, path: string): void {
  if (!isUsedByWindows(fd)) return;
  throw new Deno.errors.Busy(
    `Cannot use locks in '${path}': a program for Windows uses locks there, and this system cannot ` +
      "see whether that is alive",
  );
}

/** A descriptor of a token, which ends with this thread at the latest. Takes it over. */
export function tied(fd: number): Description {
  try {
    return { fd: tieToThread(fd), close: closeTied };
  } catch (error) {
    close(fd);
    throw error;
  }
}

/**
 * See `TokenSystem.isHeld`. The token's own description must not ask, since it does not see its own
 * lock.
 */
export function isHeld(fd: number, number: number, fingerprint: number): boolean {
  return fingerprint === 0 ? isNumberLocked(fd, number) : isLocked(fd, number, fingerprint);
}

/**
 * Locks a byte that nobody else has locked. @returns undefined if the file system has no such locks
 */
function lockName(
  fd: number,
  looker: number,
  path: string,
  thread: number,
): Name | undefined {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const name = randomName(thread);
    const { number, fingerprint } = name;
    const errno = lockByte(fd, number, fingerprint);
    if (errno === 0) {
      // A lock that others cannot see is not a token.
      if (fd !== looker && !isLocked(looker, number, fingerprint)) return undefined;
      // If two isolates take the same number at the same time, each sees the other here.
      if (!isNumberLocked(fd, number)) return name;
      unlockByte(fd, number, fingerprint);
      continue;
    }
    const code = errnoName(errno);
    if (NO_LOCKS.includes(code)) return undefined;
    if (code !== "EAGAIN" && code !== "EACCES") throw systemError(errno, "fcntl", path);
  }
  throw new Deno.errors.Busy(
    `Cannot use locks in '${path}': another program has locked all of it (fcntl), ` +
      `so others could not see whether this program is alive`,
  );
}

/** The thread of an isolate, in its own PID namespace; 0 if the fingerprint was not written. */
export function threadIn(fingerprint: number): number {
  return fingerprint & 0x3fffff;
}

/** A random name, which almost certainly nobody has. */
export function randomName(thread: number): Name {
  const [first, second] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number];
  return {
    number: (first & 0x3fffffff) || 1,
    fingerprint: second & 0xffc00000 | thread,
  };
}
