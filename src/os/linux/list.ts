/** Listing named shared memory, and removing what dead processes left behind. */

import { isSystemError } from "../../../ffi/call.ts";
import { listDirectory } from "../../../ffi/proc.ts";
import { statusOfEntry } from "../../../ffi/status.ts";
import type { ObjectStatus, SharedMemoryInfo } from "../object_system.ts";
import { pathOf, unlinkOwn } from "./named.ts";
import {
  Claims,
  disown,
  OWNER_PREFIX,
  ownershipOf,
  pidHere,
  SHARED_MEMORY_DIRECTORY,
} from "./owners.ts";

/** See `NamedSystem.list`. */
export function list(): SharedMemoryInfo[] {
  return describeAll().map(({ info }) => info);
}

/** The description of an object, and its status at that moment. */
interface Described {
  readonly info: SharedMemoryInfo;
  readonly status: ObjectStatus;
}

function describeAll(): Described[] {
  using claims = new Claims();
  return listDirectory(SHARED_MEMORY_DIRECTORY)
    .filter((name) => !name.startsWith(OWNER_PREFIX))
    .map((name) => describe(name, claims))
    .filter((described) => described !== undefined)
    .sort((a, b) => a.info.name < b.info.name ? -1 : 1);
}

/** Undefined if it is not an object, or has gone meanwhile. */
function describe(name: string, claims: Claims): Described | undefined {
  const status = statusOfName(name);
  if (status === undefined || status.type !== "file") return undefined;
  const { byteLength, mode, uid } = status;
  const ownership = ownershipOf(status.inode, uid);
  const ours = ownership?.name === name;
  const info = { name, byteLength, mode, uid, ours };
  if (!ours) return { info, status };
  const alive = ownership.owners.find((owner) => claims.isAlive(owner));
  const pid = pidHere(alive ?? ownership.owners[0]!);
  return { info: { ...info, owner: { pid, alive: alive !== undefined } }, status };
}

function statusOfName(name: string): ObjectStatus | undefined {
  try {
    return statusOfEntry(pathOf(name));
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** See `NamedSystem.reap`. */
export function reap(): string[] {
  const reaped: string[] = [];
  for (const { info: { name, owner }, status } of describeAll()) {
    if (owner === undefined || owner.alive) continue;
    // This spares a newer object of the same name, which may have a living owner.
    unlinkOwn(name, status);
    if (statusOfName(name)?.inode !== status.inode) reaped.push(name);
  }
  forgetOrphans();
  return reaped;
}

/** Removes the owner files of objects that somebody else has unlinked. */
function forgetOrphans(): void {
  using claims = new Claims();
  const names = listDirectory(SHARED_MEMORY_DIRECTORY);
  for (const file of names.filter((name) => name.startsWith(OWNER_PREFIX))) {
    const inode = file.slice(OWNER_PREFIX.length);
    const ownership = ownershipOf(inode, undefined);
    if (ownership === undefined || ownership.owners.some((owner) => claims.isAlive(owner))) {
      continue;
    }
    if (statusOfName(ownership.name)?.inode !== inode) disown(inode);
  }
}
