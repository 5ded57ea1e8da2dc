/**
 * The names of shared memory, and who made what. The kernel has no list of the names, so this module
 * keeps one of its own objects: a folder of files, one for each object, in this user's own folder. A file is called `NAME.ID`, and has a line "pid start boot" for each
 * process that the object is for. It is there before its object is: a crash in between leaves no object
 * that nobody knows of.
 *
 * Anonymous memory has a name too, since nothing else leads other processes to it: `.mm.` and its
 * identity. It is taken away when the region ends that it was made for, or else with the isolate.
 */

import { cString } from "../../../ffi/arguments.ts";
import { checkCount, isSystemError } from "../../../ffi/call.ts";
import { O_APPEND, O_CLOEXEC, O_CREAT, O_NOFOLLOW, O_WRONLY } from "../../../ffi/constants.ts";
import { makeFolder, namesIn, userFolder } from "../../../ffi/darwin.ts";
import { close, open, shm_unlink } from "../../../ffi/file_calls.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { readProc } from "../../../ffi/proc.ts";
import { statusOf } from "../../../ffi/status.ts";
import type {
  NamedSystem,
  NewObject,
  ObjectStatus,
  OpenObject,
  SharedMemoryInfo,
} from "../object_system.ts";
import type { ProcessIdentity } from "../process_system.ts";
import { isThere, processes } from "./processes.ts";
import { createMemory, isReady, openMemory, statusOfObject } from "./shm.ts";

const ANONYMOUS_PREFIX = ".mm.";

export const named: NamedSystem = {
  nameLimit: 30, // and the "/"
  reservedPrefix: ANONYMOUS_PREFIX,
  pathOf: () => undefined,
  open: openNamed,
  create,
  own: (name, { inode }) => void note(name, inode),
  unlink,
  unlinkOwn,
  list: () => entries().filter(isNamed).flatMap((entry) => describe(entry) ?? []).sort(byName),
  reap,
};

/** A file of the list. */
interface Entry {
  readonly name: string;
  readonly id: string;
}

/**
 * Where the list is, asked anew each time: a process may become another user's.
 *
 * @returns undefined where this user has no folder
 * @throws the error of `mkdir`
 */
function folder(): string | undefined {
  const parent = userFolder();
  if (parent === undefined) return undefined;
  const path = `${parent}mmap.owners`;
  makeFolder(path);
  return path;
}

/** Undefined where there is no list. */
function fileOf({ name, id }: Entry): string | undefined {
  const path = folder();
  return path === undefined ? undefined : `${path}/${name}.${id}`;
}

const ALL_RIGHTS = 0o777;

/**
 * Notes this process as one that an object is for.
 *
 * @returns the permissions that the umask leaves: the kernel does not ask it for shared memory
 */
function note(name: string, id: string): number {
  const path = fileOf({ name, id });
  if (path === undefined) return ALL_RIGHTS;
  const flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
  const { pid, startTime, bootId } = processes.own();
  const bytes = new TextEncoder().encode(`${pid} ${startTime} ${bootId}\n`);
  const fd = open(path, flags, ALL_RIGHTS); // in a folder that is this user's alone
  try {
    checkCount(libc().write(fd, bytes, BigInt(bytes.length)), threadErrno[0]!, "write", path);
    return statusOf(fd).mode;
  } finally {
    close(fd);
  }
}

/** Silent if it was not noted. */
function forget(entry: Entry): void {
  const path = fileOf(entry);
  if (path !== undefined) libc().unlink(cString(path, "path", "unlink"));
}

function entries(): Entry[] {
  const path = folder();
  return path === undefined ? [] : namesIn(path).map((file) => {
    const dot = file.lastIndexOf(".");
    return { name: file.slice(0, dot), id: file.slice(dot + 1) };
  });
}

function isNamed({ name }: Entry): boolean {
  return !name.startsWith(ANONYMOUS_PREFIX);
}

function byName(a: SharedMemoryInfo, b: SharedMemoryInfo): number {
  return a.name < b.name ? -1 : 1;
}

/** Whom an object is for, as far as its file says; none if that is gone meanwhile. */
function ownersOf(entry: Entry): ProcessIdentity[] {
  const path = fileOf(entry);
  if (path === undefined) return [];
  let text: string;
  try {
    text = readProc(path);
  } catch (error) {
    if (isSystemError(error)) return [];
    throw error;
  }
  return text.split("\n").slice(0, -1).map((line) => {
    const [pid, startTime, bootId = ""] = line.split(" ");
    return { pid: Number(pid), startTime: Number(startTime), bootId };
  });
}

/** Whether every owner has ended. Who is about to write its first line lives. */
function isOrphan(entry: Entry): boolean {
  const owners = ownersOf(entry);
  return owners.length > 0 && !owners.some(isThere);
}

/** What has that name now; undefined if nothing has, or this user may not look at it. */
function statusOfName(name: string): ObjectStatus | undefined {
  let object: OpenObject;
  try {
    object = openMemory(name, false);
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
  try {
    return statusOfObject(object);
  } finally {
    close(object);
  }
}

/** Undefined if the name is another object's by now. */
function describe(entry: Entry): SharedMemoryInfo | undefined {
  const { name, id } = entry;
  const status = statusOfName(name);
  if (status?.inode !== id) return undefined;
  const owners = ownersOf(entry);
  const alive = owners.find(isThere);
  const { byteLength, mode, uid } = status;
  const owner = { pid: (alive ?? owners[0])?.pid ?? null, alive: alive !== undefined };
  return { name, byteLength, mode, uid, ours: true, owner };
}

/** See `NamedSystem.reap`: anonymous memory goes too, but has no name to tell. */
function reap(): string[] {
  return sweep(() => true).filter((entry) => isNamed(entry)).map(({ name }) => name).sort();
}

/** Removes what dead processes left behind. @returns the objects */
function sweep(isMeant: (entry: Entry) => boolean): Entry[] {
  return entries().filter((entry) => {
    if (!isMeant(entry) || !isOrphan(entry)) return false;
    const isThere = statusOfName(entry.name)?.inode === entry.id || isUnfinished(entry);
    if (isThere) removeName(entry.name);
    forget(entry);
    return isThere;
  });
}

/** Whether its maker has ended before it was ready. */
function isUnfinished({ name }: Entry): boolean {
  return statusOfName(name)?.byteLength === 0;
}

function removeName(name: string): void {
  try {
    shm_unlink(`/${name}`);
  } catch (error) {
    if (!isSystemError(error)) throw error; // gone already
  }
}

/** How often an object is looked at that another process is making: it has no size for a moment. */
const MOST_LOOKS = 200;
const LOOK_MS = 1;

/** @throws {Deno.errors.NotFound} If there is none of that name. */
function openNamed(name: string, writable: boolean): OpenObject {
  const object = openMemory(name, writable);
  for (let looks = 0; looks < MOST_LOOKS && !isReady(object) && isInTheMaking(name); looks++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
  }
  return object;
}

/** Whether a living process of this user has said that it makes an object of that name. */
function isInTheMaking(name: string): boolean {
  return entries().some((entry) => entry.name === name && !isOrphan(entry));
}

function create(name: string, { byteLength, capacity, mode }: NewObject): OpenObject {
  const id = newId();
  const entry = { name, id: String(id) };
  const allowed = note(name, entry.id);
  try {
    return createMemory(name, { id, byteLength, capacity, mode: mode & allowed });
  } catch (error) {
    forget(entry);
    throw error;
  }
}

/** 125 random bits, which have 25 digits to the base of 32: never 0. */
function newId(): bigint {
  const [low, high] = crypto.getRandomValues(new BigUint64Array(2));
  return (low! | high! << 64n) & (1n << 125n) - 1n | 1n;
}

function unlink(name: string): void {
  const id = statusOfName(name)?.inode;
  shm_unlink(`/${name}`);
  if (id !== undefined) forget({ name, id });
}

/** See `NamedSystem.unlinkOwn`. */
function unlinkOwn(name: string, { inode: id }: ObjectStatus): void {
  if (statusOfName(name)?.inode === id) removeName(name);
  forget({ name, id });
}

function anonymousName(id: bigint): string {
  return ANONYMOUS_PREFIX + id.toString(32).padStart(25, "0");
}

/** Of this isolate: which anonymous memory has its name. Undefined before the first one. */
let living: Set<bigint> | undefined;

/** Memory of `byteLength` zero bytes. There is no place for a label. */
export function anonymous(_label: string, byteLength: number, capacity: number): OpenObject {
  if (living === undefined) {
    living = new Set();
    sweep((entry) => !isNamed(entry));
    addEventListener("unload", () => living!.forEach(endAnonymous));
  }
  const id = newId();
  const name = anonymousName(id);
  note(name, String(id));
  try {
    const object = createMemory(name, { id, byteLength, capacity, mode: 0o600 });
    living.add(id);
    return object;
  } catch (error) {
    forget({ name, id: String(id) });
    throw error;
  }
}

function endAnonymous(id: bigint): void {
  living!.delete(id);
  removeName(anonymousName(id));
  forget({ name: anonymousName(id), id: String(id) });
}

/** See `ObjectSystem.endOfAnonymous`. */
export function endOfAnonymous(object: OpenObject): () => void {
  const id = BigInt(statusOfObject(object).inode);
  return () => endAnonymous(id);
}

/** Anonymous memory by its identity. @throws {Deno.errors.NotFound} If its name is gone. */
export function openAnonymous(id: string, writable: boolean): OpenObject {
  return openMemory(anonymousName(BigInt(id)), writable);
}
