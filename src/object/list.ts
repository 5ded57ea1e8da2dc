/** Listing named shared memory, and removing what dead processes left behind. */

import { isSystemError } from "../../ffi/call.ts";
import { listDirectory } from "../../ffi/directory.ts";
import { platform } from "../../ffi/platform.ts";
import { type FileStatus, statusOfEntry } from "../../ffi/status.ts";
import { disown, isAlive, OWNER_PREFIX, ownershipOf, SHARED_MEMORY_DIRECTORY } from "./owners.ts";
import { checkDenied } from "./permission.ts";
import { pathOfName, unlinkOwn } from "./shared_memory.ts";

/** A named shared memory object of the system. */
export interface SharedMemoryInfo {
  /** Without the leading "/". */
  name: string;
  /** Its size, in bytes. */
  byteLength: number;
  /** Its permission bits, such as 0o600. */
  mode: number;
  /** The user that it belongs to. */
  uid: number;
  /** Whether this module made it. */
  ours: boolean;
  /** The process that made it, where this module did. */
  owner?: {
    /** Its number. */
    pid: number;
    /** Whether it is still there; another process of that number does not count. */
    alive: boolean;
  };
}

/** All objects. @throws {Deno.errors.NotSupported} On macOS, which has no list of them. */
export function listNamed(): SharedMemoryInfo[] {
  if (platform().os !== "linux") {
    throw new Deno.errors.NotSupported(
      `Cannot list shared memory: ${platform().os} has no list of it`,
    );
  }
  checkDenied(SHARED_MEMORY_DIRECTORY, false);
  return listDirectory(SHARED_MEMORY_DIRECTORY)
    .filter((name) => !name.startsWith(OWNER_PREFIX))
    .map(describe)
    .filter((info) => info !== undefined)
    .sort((a, b) => a.name < b.name ? -1 : 1);
}

/** Undefined if it is no object, or has gone meanwhile. */
function describe(name: string): SharedMemoryInfo | undefined {
  const status = statusOfName(name);
  if (status === undefined || status.type !== "file") return undefined;
  const { byteLength, mode, uid } = status;
  const ownership = ownershipOf(status.inode, uid);
  const ours = ownership?.name === name;
  const info = { name, byteLength, mode, uid, ours };
  if (!ours) return info;
  const alive = ownership.owners.find(isAlive);
  const pid = (alive ?? ownership.owners[0])?.pid ?? 0;
  return { ...info, owner: { pid, alive: alive !== undefined } };
}

function statusOfName(name: string): FileStatus | undefined {
  try {
    return statusOfEntry(pathOfName(name));
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** Removes this module's objects whose owners are all dead. @returns their names */
export function reapNamed(): string[] {
  const reaped: string[] = [];
  for (const { name, owner } of listNamed()) {
    if (owner === undefined || owner.alive) continue;
    const status = statusOfName(name);
    if (status === undefined) continue;
    unlinkOwn(name, status);
    if (statusOfName(name)?.inode !== status.inode) reaped.push(name);
  }
  forgetOrphans();
  return reaped;
}

/** Removes the owner files of objects that somebody else has unlinked. */
function forgetOrphans(): void {
  const names = listDirectory(SHARED_MEMORY_DIRECTORY);
  for (const file of names.filter((name) => name.startsWith(OWNER_PREFIX))) {
    const inode = file.slice(OWNER_PREFIX.length);
    const ownership = ownershipOf(inode, undefined);
    if (ownership === undefined || ownership.owners.some(isAlive)) continue;
    if (statusOfName(ownership.name)?.inode !== inode) disown(inode);
  }
}
