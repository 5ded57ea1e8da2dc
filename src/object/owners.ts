/**
 * Who made which named object. Beside each object that this module makes stands a small file,
 * `/dev/shm/.mmap-owner.INODE`, which says for what name and by which processes, so that `reap` can
 * tell this module's objects from others' and the dead owners from the living.
 *
 * Its lines are "name" first, then "pid startTime bootId" for each owner.
 */

import { checkCount } from "../../ffi/call.ts";
import { cString } from "../../ffi/arguments.ts";
import { O_APPEND, O_CLOEXEC, O_CREAT, O_NOFOLLOW, O_WRONLY } from "../../ffi/constants.ts";
import { close, open } from "../../ffi/file_calls.ts";
import { libc } from "../../ffi/libc.ts";
import { readProc } from "../../ffi/proc.ts";
import { withoutSizeSignal } from "../../ffi/size_signal.ts";
import { statusOfEntry } from "../../ffi/status.ts";
import { ownIdentity, type ProcessIdentity, startTimeOf } from "./identity.ts";

/** How the names of these files begin. */
export const OWNER_PREFIX = ".mmap-owner.";

/** Where Linux keeps shared memory. */
export const SHARED_MEMORY_DIRECTORY = "/dev/shm";

/** What a file of this kind says. */
interface Ownership {
  readonly name: string;
  readonly owners: readonly ProcessIdentity[];
}

function pathOf(inode: string): string {
  return `${SHARED_MEMORY_DIRECTORY}/${OWNER_PREFIX}${inode}`;
}

/** Notes this process as an owner of an object. */
export function own(name: string, inode: string): void {
  const path = pathOf(inode);
  const flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
  const fd = open(path, flags, 0o644);
  try {
    const { pid, startTime, bootId } = ownIdentity();
    const text = `${name}\n${pid} ${startTime} ${bootId}\n`;
    const bytes = new TextEncoder().encode(text);
    // One write with O_APPEND: two owners cannot mix their lines.
    withoutSizeSignal(() =>
      checkCount(libc().write(fd, bytes, BigInt(bytes.length)), "write", path)
    );
  } finally {
    close(fd);
  }
}

/** Forgets an object. Silent if nobody owned it. */
export function disown(inode: string): void {
  libc().unlink(cString(pathOf(inode), "pathname", "unlink"));
}

/**
 * Who owns the object of that inode; undefined if this module did not make it.
 *
 * @param uid the user that the object belongs to: everybody may put files into that directory, and
 * only this user's is believed. Undefined if the object is gone
 */
export function ownershipOf(inode: string, uid: number | undefined): Ownership | undefined {
  let text: string;
  try {
    const status = statusOfEntry(pathOf(inode));
    if (status.type !== "file" || uid !== undefined && status.uid !== uid) return undefined;
    text = readProc(pathOf(inode));
  } catch {
    return undefined; // none, or another user's that this one may not read
  }
  const lines = text.trimEnd().split("\n");
  const owners = lines.filter((_, i) => i % 2 === 1).map(parseOwner);
  return { name: lines[0]!, owners };
}

function parseOwner(line: string): ProcessIdentity {
  const [pid, startTime, bootId] = line.split(" ");
  return { pid: Number(pid), startTime: Number(startTime), bootId: bootId ?? "" };
}

/** Whether the very process is still there, and not another one of its number. */
export function isAlive({ pid, startTime, bootId }: ProcessIdentity): boolean {
  return bootId === ownIdentity().bootId && startTimeOf(pid) === startTime;
}
