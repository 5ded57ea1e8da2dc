/**
 * The names of shared memory. A name is an entry, a small section that says which section the memory
 * is; its creator alone has it open. So a name ends with its creator's region or process, and the
 * memory with the last one who has it open. Names are those of one session, which is one user's desktop
 * or all services.
 *
 * | offset | type | what |
 * |---|---|---|
 * | 0 | i64 | the number of the memory (`sections.ts`); 0: not written yet; ENDED: its creator has gone |
 *
 * Who just looks a name up has its entry open for a moment, in which it outlives its creator. A new
 * creator then takes it over.
 */

import { addressOfBytes, bufferOver, lengthOf, withAddressOf } from "../../../ffi/memory.ts";
import {
  checkAddress,
  checkHandle,
  ERROR_ALREADY_EXISTS,
  ERROR_FILE_NOT_FOUND,
  windowsError,
} from "../../../ffi/windows/errors.ts";
import { fromWide, lastError, newStruct, wide, windows } from "../../../ffi/windows/library.ts";
import type {
  NamedSystem,
  NewObject,
  ObjectStatus,
  OpenObject,
  SharedMemoryInfo,
} from "../system.ts";
import { PAGE_READWRITE } from "./allocations.ts";
import { close, orClose } from "./files.ts";
import { isThere } from "./processes.ts";
import {
  closeSection,
  createSection,
  duplicateSection,
  makerOf,
  openSection,
  statusOfSection,
} from "./sections.ts";

const PREFIX = "mmap.n.";
const ENDED = -1n;
const ENTRY_BYTE_LENGTH = 4096;
const FILE_MAP_READ = 4;
const FILE_MAP_WRITE = 2;

/** The system takes names for equal that differ in upper and lower case: capitals are escaped too. */
function encode(name: string): string {
  const bytes = new TextEncoder().encode(name);
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    return /[a-z0-9._-]/.test(character) ? character : `%${byte.toString(16).padStart(2, "0")}`;
  }).join("");
}

function entryOf(name: string): Uint8Array<ArrayBuffer> {
  return wide(`Local\\${PREFIX}${encode(name)}`);
}

/** A name that this isolate made, and the memory, which stays as long as the name does. */
interface OwnEntry {
  readonly handle: number;
  readonly object: OpenObject;
}

const entries = new Map<string, OwnEntry>();

/** The number of the memory in an open entry. */
function withInode<T>(entry: number, access: number, use: (inode: BigInt64Array) => T): T {
  const { MapViewOfFile, UnmapViewOfFile } = windows();
  const view = checkAddress(
    MapViewOfFile(BigInt(entry), access, 0, 0, BigInt(ENTRY_BYTE_LENGTH)),
    lastError[0]!,
    "MapViewOfFile",
  );
  try {
    // SAFETY: the array is not kept.
    return use(new BigInt64Array(bufferOver({ pointer: view, byteLength: 8 })));
  } finally {
    UnmapViewOfFile(view);
  }
}

/** @throws ENOENT if there is no such name */
function inodeOf(name: string): string {
  const { OpenFileMappingW } = windows();
  const entry = checkHandle(
    OpenFileMappingW(FILE_MAP_READ, 0, entryOf(name)),
    lastError[0]!,
    "OpenFileMappingW",
    name,
  );
  try {
    const inode = withInode(entry, FILE_MAP_READ, (longs) => Atomics.load(longs, 0));
    if (inode > 0n) return String(inode);
    throw windowsError(ERROR_FILE_NOT_FOUND, "OpenFileMappingW", name);
  } finally {
    close(entry);
  }
}

function open(name: string, writable: boolean): OpenObject {
  return openSection(inodeOf(name), writable);
}

/** The mode that every memory has, as far as others know: it is this user's. */
const MODE = 0o600;

function create(name: string, { byteLength, capacity, mode }: NewObject): OpenObject {
  if (mode !== MODE) {
    throw new Deno.errors.NotSupported(
      "Cannot make shared memory with that mode on Windows, where it is its user's alone: " +
        `received 0o${mode.toString(8)}`,
    );
  }
  const object = createSection({ byteLength, capacity, mode, label: `shm:${name}` });
  try {
    const handle = createEntry(name, BigInt(statusOfSection(object).inode));
    // The name goes with its handle.
    entries.set(name, { handle, object: orClose(handle, () => duplicateSection(object)) });
    return object;
  } catch (error) {
    closeSection(object);
    throw error;
  }
}

/** Makes an entry, or takes one over. @returns its handle */
function createEntry(name: string, inode: bigint): number {
  const { CreateFileMappingW } = windows();
  const handle = CreateFileMappingW(
    -1n,
    null,
    PAGE_READWRITE,
    0,
    ENTRY_BYTE_LENGTH,
    entryOf(name),
  );
  const error = lastError[0]!;
  checkHandle(handle, error, "CreateFileMappingW", name);
  const take = (longs: BigInt64Array): boolean => {
    const there = Atomics.load(longs, 0);
    const isFree = error === ERROR_ALREADY_EXISTS ? isLeft(there) : true;
    return isFree && Atomics.compareExchange(longs, 0, there, inode) === there;
  };
  if (orClose(handle, () => withInode(handle, FILE_MAP_WRITE, take))) return handle;
  close(handle);
  throw windowsError(ERROR_ALREADY_EXISTS, "CreateFileMappingW", name);
}

/** Whether nobody holds an entry any more who made it. */
function isLeft(inode: bigint): boolean {
  if (inode <= 0n) return inode === ENDED;
  try {
    const object = openSection(String(inode), false);
    const lives = isThere(makerOf(object));
    closeSection(object);
    return !lives;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

/** Ends a name that this isolate made. @returns whether it was one */
function endEntry(name: string, inode: string): boolean {
  const entry = entries.get(name);
  if (entry === undefined || statusOfSection(entry.object).inode !== inode) return false;
  entries.delete(name);
  try {
    withInode(entry.handle, FILE_MAP_WRITE, (longs) => {
      Atomics.compareExchange(longs, 0, BigInt(inode), ENDED);
    });
  } finally {
    close(entry.handle);
    closeSection(entry.object);
  }
  return true;
}

function unlink(name: string): void {
  if (endEntry(name, inodeOf(name))) return;
  throw new Deno.errors.NotSupported(
    `Cannot unlink shared memory "${name}" on Windows: its name goes when its creator closes it`,
  );
}

const STATUS_MORE = 0x80000000;
const DIRECTORY_QUERY = 1;

/** UNICODE_STRING: 0 u16 length, 2 u16 room, 8 where the text is. In bytes. */
function unicode(address: bigint, byteLength: number): Uint8Array<ArrayBuffer> {
  const { bytes, view } = newStruct(16);
  view.setUint16(0, byteLength - 2, true);
  view.setUint16(2, byteLength, true);
  view.setBigUint64(8, address, true);
  return bytes;
}

/** Opens the folder of this session's names. @returns 0 if that fails */
function openNames(): number {
  const { bytes, view } = newStruct(8);
  windows().ProcessIdToSessionId(Deno.pid, bytes);
  const session = view.getUint32(0, true);
  const path = wide(
    session === 0 ? "\\BaseNamedObjects" : `\\Sessions\\${session}\\BaseNamedObjects`,
  );
  const handle = newStruct(8);
  const open = (name: bigint): number => {
    // OBJECT_ATTRIBUTES: 0 u32 length, 8 root, 16 name, 24 u32 attributes
    const attributes = newStruct(48);
    attributes.view.setUint32(0, 48, true);
    attributes.view.setBigUint64(16, name, true);
    return windows().NtOpenDirectoryObject(handle.bytes, DIRECTORY_QUERY, attributes.bytes);
  };
  withAddressOf(path, (text) => withAddressOf(unicode(text, lengthOf(path)), open));
  return handle.view.getInt32(0, true);
}

/** The names in the folder that are entries. */
function* encodedNames(): Generator<string> {
  const folder = openNames();
  if (folder === 0) return;
  try {
    const entry = newStruct(65536);
    const { bytes, view } = entry;
    const start = addressOfBytes(bytes);
    const context = new Uint8Array(4);
    const next = windows().NtQueryDirectoryObject;
    for (let restart = 1;; restart = 0) {
      const status = next(BigInt(folder), bytes, 65536, 1, restart, context, null) >>> 0;
      if (status >= STATUS_MORE) return;
      const at = Number(view.getBigUint64(8, true) - start);
      const text = fromWide(entry, view.getUint16(0, true) / 2, at);
      if (text.startsWith(PREFIX)) yield text.slice(PREFIX.length);
    }
  } finally {
    close(folder);
  }
}

function describe(name: string): SharedMemoryInfo | undefined {
  let object: OpenObject;
  try {
    object = open(name, false);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined; // it has just ended
    if (error instanceof Deno.errors.PermissionDenied) return undefined; // another user's
    throw error;
  }
  try {
    const { byteLength, mode, uid } = statusOfSection(object);
    const maker = makerOf(object);
    const owner = { pid: maker.pid, alive: isThere(maker) };
    return { name, byteLength, mode, uid, ours: true, owner };
  } finally {
    closeSection(object);
  }
}

export const named: NamedSystem = {
  nameLimit: 255,
  pathOf: () => undefined,
  open,
  create,
  own: () => {}, // a name is its creator's
  unlink,
  unlinkOwn: (name: string, { inode }: ObjectStatus): void => void endEntry(name, inode),
  list: () =>
    [...encodedNames()].map((name) => describe(decodeURIComponent(name)))
      .filter((info) => info !== undefined),
  reap: () => [], // nothing outlives its owner
};
