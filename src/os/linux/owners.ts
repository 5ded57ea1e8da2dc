/**
 * Who made which named object. Beside each object that this module makes stands a small file,
 * `/dev/shm/.mmap-owner.INODE`, which says for what name and by which processes, so that `reap` can
 * tell this module's objects from others' and the dead owners from the living.
 *
 * Its lines are "name" first, then for each owner "pid startTime bootId", the PID namespace and the
 * time namespace that these are of ("-": not known), and the two numbers of its claim. The claim is a
 * lock of one byte of the directory `/dev/shm` (`ffi/file_lock.ts`), which the kernel gives back when
 * the owner ends, and of which everybody can ask. It is one for all objects of an isolate.
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
import { libc } from "../../../ffi/libc.ts";
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
import { randomName } from "./token.ts";

/** How the names of these files begin. */
export const OWNER_PREFIX = ".mmap-owner.";

/** Where Linux keeps shared memory. */
export const SHARED_MEMORY_DIRECTORY = "/dev/shm";

/** What a file of this kind says. */
interface Ownership {
  readonly name: string;
  readonly owners: readonly Owner[];
}

interface Owner {
  readonly pid: number;
  readonly startTime: number;
  readonly bootId: string;
  /** "" if it is not known, as to older versions of this module. */
  readonly pidNamespace: string;
  readonly timeNamespace: string;
  /** Undefined where there are no such locks. */
  readonly claim: Name | undefined;
}

/** The claim of this isolate, and the inodes of the objects that it is for. */
let claim: { readonly name: Name; readonly fd: number } | undefined;
const claimed = new Set<string>();

/** @returns undefined where there are no such locks */
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

/** Gives the claim back with the last object. */
function giveUp(inode: string): void {
  claimed.delete(inode);
  if (claim === undefined || claimed.size > 0) return;
  closeTied(claim.fd);
  claim = undefined;
}

function pathOf(inode: string): string {
  return `${SHARED_MEMORY_DIRECTORY}/${OWNER_PREFIX}${inode}`;
}

/** Notes this process as an owner of an object. */
export function own(name: string, inode: string): void {
  const path = pathOf(inode);
  const flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
  // Before the file is there: an owner without its claim is a dead one.
  claimed.add(inode);
  try {
    const bytes = new TextEncoder().encode(`${name}\n${ownLine()}\n`);
    const fd = open(path, flags, 0o644);
    try {
      // One write with O_APPEND: two owners cannot mix their lines.
      withoutSizeSignal(() =>
        checkCount(libc().write(fd, bytes, BigInt(bytes.length)), "write", path)
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

/** Forgets an object. Silent if nobody owned it. */
export function disown(inode: string): void {
  giveUp(inode);
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
  // Its maker may be about to write to it.
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

/** Asks the kernel who of some owners lives. */
export class Claims implements Disposable {
  readonly #fd = openDirectory();

  /** Whether the very process is still there, and not another one of its number. */
  isAlive(owner: Owner): boolean {
    const { pid, startTime, bootId, claim, pidNamespace, timeNamespace } = owner;
    if (claim !== undefined) return isLocked(this.#fd, claim.number, claim.fingerprint);
    if (boot() === "") return true; // nobody can tell without /proc
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

/** The number of an owner, as this process would say it; null if it has none here, or it is hidden. */
export function pidHere({ pid, pidNamespace }: Owner): number | null {
  if (!isOwnOrUnknown(pidNamespace, "pid")) return null;
  const isShown = isNobody(pid) ||
    hasOwnProc() && inodeAt(cString(`/proc/${pid}`, "pathname", "statx")) !== undefined;
  return isShown ? pid : null;
}
