/**
 * Records who created which named object. Each object that this module creates has a small file
 * beside it, `/dev/shm/.mmap-owner.INODE`, with the object's name and its owners. From it, `reap`
 * can tell this module's objects from others, and dead owners from living ones.
 *
 * The first line is the name. Then each owner has a line: "pid startTime bootId", the PID and time
 * namespaces that these refer to ("-": not known), and the two numbers of its claim. The claim is a
 * lock of one byte of the directory `/dev/shm` (`ffi/file_lock.ts`), which the kernel releases when
 * the owner ends, and which every process can query. An isolate has one claim for all of its
 * objects.
 */

import { cString } from "../../../ffi/arguments.ts";
import { checkCount } from "../../../ffi/call.ts";
import {
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
} from "../../../ffi/constants.ts";
import { close, open } from "../../../ffi/file_calls.ts";
import { isLocked, lockByte } from "../../../ffi/file_lock.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { readProc } from "../../../ffi/proc.ts";
import { withoutSizeSignal } from "../../../ffi/size_signal.ts";
import { inodeAt, statusOfEntry } from "../../../ffi/status.ts";
import { closeTied, tieToThread } from "../../../ffi/thread.ts";
import type { Name } from "../process_system.ts";
import {
  boot,
  hasOwnProc,
  isNobody,
  own as ownProcess,
  ownNamespaces,
  startTimeOf,
} from "./processes.ts";
import { randomName } from "../posix/token.ts";

/** The prefix of the names of these files. */
export const OWNER_PREFIX = ".mmap-owner.";

/** The directory of Linux's shared memory. */
export const SHARED_MEMORY_DIRECTORY = "/dev/shm";

/** The content of an owner file. */
interface Ownership {
  readonly name: string;
  readonly owners: readonly Owner[];
}

interface Owner {
  readonly pid: number;
  readonly startTime: number;
  readonly bootId: string;
  /** "" if it is not known: older versions of this module do not write it. */
  readonly pidNamespace: string;
  readonly timeNamespace: string;
  /** Undefined if the file system has no such locks. */
  readonly claim: Name | undefined;
}

/** The claim of this isolate, and the inodes of its objects. */
let claim: { readonly name: Name; readonly fd: number } | undefined;
const claimed = new Set<string>();

/** @returns undefined if the file system has no such locks */
function ownClaim(): Name | undefined {
  if (claim !== undefined) return claim.name;
  const fd = tieToThread(openDirectory());
  const name = randomName();
  if (lockByte(fd, name.number, name.fingerprint) === 0) {
    claim = { name, fd };
    return name;
  }
  closeTied(fd);
  return undefined;
}

function openDirectory(): number {
  return open(SHARED_MEMORY_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/** Releases the claim with the last object. */
function giveUp(inode: string): void {
  claimed.delete(inode);
  if (claim === undefined || claimed.size > 0) return;
  closeTied(claim.fd);
  claim = undefined;
}

function pathOf(inode: string): string {
  return `${SHARED_MEMORY_DIRECTORY}/${OWNER_PREFIX}${inode}`;
}

/** Records this process as an owner of an object. */
export function own(name: string, inode: string): void {
  const path = pathOf(inode);
  const flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
  // The claim comes before the file: an owner without a claim counts as dead.
  claimed.add(inode);
  try {
    const bytes = new TextEncoder().encode(`${name}\n${ownLine()}\n`);
    const fd = open(path, flags, 0o644);
    try {
      // One write with O_APPEND, so that the lines of two owners cannot mix.
      withoutSizeSignal(() =>
        checkCount(libc().write(fd, bytes, BigInt(bytes.length)), threadErrno[0]!, "write", path)
      );
    } finally {
      close(fd);
    }
  } catch (error) {
    giveUp(inode);
    throw error;
  }
}

function ownLine(): string {
  const { pid, startTime } = ownProcess();
  const namespaces = ownNamespaces();
  const { number, fingerprint } = ownClaim() ?? { number: 0, fingerprint: 0 };
  const fields = [namespaces.pid || "-", namespaces.time || "-", number, fingerprint];
  return [pid, startTime, boot(), ...fields].join(" ");
}

/** Removes the owner file of an object. Silent if there is no such file. */
export function disown(inode: string): void {
  giveUp(inode);
  libc().unlink(cString(pathOf(inode), "pathname", "unlink"));
}

/**
 * The owners of the object with that inode; undefined if this module did not create it.
 *
 * @param uid the user that the object belongs to, or undefined if the object is gone. Everybody may
 * create files in that directory, so only this user's file is trusted
 */
export function ownershipOf(inode: string, uid: number | undefined): Ownership | undefined {
  let text: string;
  try {
    const status = statusOfEntry(pathOf(inode));
    if (status.type !== "file" || uid !== undefined && status.uid !== uid) return undefined;
    text = readProc(pathOf(inode));
  } catch {
    return undefined; // no file, or a file of another user that this one may not read
  }
  const lines = text.trimEnd().split("\n");
  const owners = lines.filter((_, i) => i % 2 === 1).map(parseOwner);
  // Its creator may be about to write to it.
  return owners.length === 0 ? undefined : { name: lines[0]!, owners };
}

function parseOwner(line: string): Owner {
  const [pid, startTime, bootId = "", pids = "", times = "", number = "0", fingerprint = "0"] = line
    .split(" ");
  const name = { number: Number(number), fingerprint: Number(fingerprint) };
  return {
    pid: Number(pid),
    startTime: Number(startTime),
    bootId,
    pidNamespace: pids,
    timeNamespace: times,
    claim: name.number === 0 ? undefined : name,
  };
}

/** Asks the kernel which owners are alive. */
export class Claims implements Disposable {
  readonly #fd = openDirectory();

  /** Whether that process is still alive, and not another one that has its number. */
  isAlive(owner: Owner): boolean {
    const { pid, startTime, bootId, claim, pidNamespace, timeNamespace } = owner;
    if (claim !== undefined) return isLocked(this.#fd, claim.number, claim.fingerprint);
    if (boot() === "") return true; // without /proc this cannot be known
    if (bootId !== boot()) return false;
    if (!isOwnOrUnknown(pidNamespace, "pid")) return true;
    if (isNobody(pid)) return false;
    if (!isOwnOrUnknown(timeNamespace, "time")) return true;
    return startTimeOf(pid) === startTime;
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }
}

function isOwnOrUnknown(namespace: string, type: "pid" | "time"): boolean {
  return namespace === "" || namespace === ownNamespaces()[type];
}

/** The number of an owner in this PID namespace; null if it has no number here, or is hidden. */
export function pidHere({ pid, pidNamespace }: Owner): number | null {
  if (!isOwnOrUnknown(pidNamespace, "pid")) return null;
  const isShown = isNobody(pid) ||
    hasOwnProc() && inodeAt(cString(`/proc/${pid}`, "pathname", "statx")) !== undefined;
  return isShown ? pid : null;
}
