/**
 * Tokens of macOS (`posix/token.ts`). Those of a file are locks of the file itself, which is opened anew
 * by the path that it has now.
 *
 * Shared memory cannot be locked. So its tokens are locks of one file in this user's own folder, the
 * same one for all shared memory: two objects never have one token's name, as it is random. Other users
 * cannot reach that file. So shared memory that its mode lets others open has no tokens; there, threads
 * are known by their numbers.
 */

import { O_CLOEXEC, O_CREAT, O_NOFOLLOW, O_RDONLY } from "../../../ffi/constants.ts";
import { pathOfDescriptor, userFolder } from "../../../ffi/darwin.ts";
import { close, open } from "../../../ffi/file_calls.ts";
import { statusOf } from "../../../ffi/status.ts";
import { tieToThread } from "../../../ffi/thread.ts";
import type { ObjectStatus, OpenObject } from "../object_system.ts";
import { openIfThere } from "../posix/files.ts";
import { isHeld, takeToken, threadIn, tied } from "../posix/token.ts";
import type { Token, TokenObject, TokenSystem } from "../process_system.ts";
import { isMemoryStatus } from "./shm.ts";

export const tokens: TokenSystem = {
  take,
  isHeld: (object, number, fingerprint) => isHeld(lookerAt(object), number, fingerprint),
  threadIn,
  processWith: (process) => process, // which is what fingerprints have here
};

function take({ object, path }: TokenObject): Token | undefined {
  const status = statusOf(object);
  if (!isMemoryStatus(status)) return takeToken(tied(openAnew(object, status, path)), object, path);
  if (isForOthers(status)) return undefined;
  const looker = lookerAtMemory();
  if (statusOf(looker).uid === status.uid) return takeToken(tied(openLocks()), looker, path);
  throw new Deno.errors.NotSupported(
    `Cannot use locks in '${path}': on macOS, its mode must let all users in if another one uses it`,
  );
}

/** @throws {Deno.errors.NotSupported} If the file has no path any more. */
function openAnew(object: OpenObject, ours: ObjectStatus, path: string): number {
  const found = pathOfDescriptor(object);
  // Reading is enough, and everybody who could map the file may read it.
  const fd = found === undefined ? undefined : openIfThere(found, { writable: false });
  if (fd !== undefined) {
    const there = statusOf(fd);
    if (ours.inode === there.inode && ours.device === there.device) return fd;
    close(fd);
  }
  throw new Deno.errors.NotSupported(
    `Cannot use locks in '${path}': on macOS, a file must have a path for it`,
  );
}

function isForOthers({ mode }: ObjectStatus): boolean {
  return (mode! & 0o077) !== 0;
}

const FLAGS = O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC;

function openLocks(): number {
  return open(`${userFolder() ?? "/tmp/"}mmap.locks`, FLAGS, 0o600);
}

/** Of this isolate, as long as its thread lives: it asks for the locks of others, and takes none. */
let looker: number | undefined;

function lookerAtMemory(): number {
  return looker ??= tieToThread(openLocks());
}

function lookerAt(object: OpenObject): number {
  return isMemoryStatus(statusOf(object)) ? lookerAtMemory() : object;
}
