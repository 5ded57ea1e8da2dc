/**
 * Files by path. Each is opened so that others may read, write, rename and remove it meanwhile, as Deno
 * does.
 */

import {
  checkHandle,
  checkTrue,
  ERROR_ACCESS_DENIED,
  ERROR_CANT_RESOLVE_FILENAME,
  windowsError,
} from "../../../ffi/windows/errors.ts";
import {
  fromWide,
  lastError,
  newStruct,
  SELF,
  wide,
  windows,
} from "../../../ffi/windows/library.ts";
import type { CreateHow, ObjectStatus, OpenHow, OpenObject } from "../system.ts";

const GENERIC_READ = 0x80000000;
const GENERIC_WRITE = 0x40000000;
const GENERIC_EXECUTE = 0x20000000;
const DELETE = 0x10000;
const FILE_READ_ATTRIBUTES = 0x80;
const FILE_SHARE_ALL = 7;
const CREATE_NEW = 1;
const OPEN_EXISTING = 3;
const FILE_ATTRIBUTE_NORMAL = 0x80;
const FILE_FLAG_BACKUP_SEMANTICS = 0x02000000;
const FILE_FLAG_OPEN_REPARSE_POINT = 0x00200000;

/** Opens a path. @returns -1 if that fails */
function createFile(path: string, access: number, disposition: number, flags: number): number {
  const { CreateFileW } = windows();
  const name = wide(nameOf(path));
  return CreateFileW(name, access >>> 0, FILE_SHARE_ALL, null, disposition, flags, 0n);
}

/** How long a path may be without a prefix, unless the machine was set up for more: a folder's is shorter. */
const LONGEST = 247;

/** A path, however long: with a prefix it is taken as it is, so it has to be whole. Rust does the same. */
function nameOf(path: string): string {
  if (path.length <= LONGEST && /^[A-Za-z]:[\\/]/.test(path) || path.startsWith("\\\\?\\")) {
    return path;
  }
  const full = fullPathOf(path);
  if (full.length <= LONGEST || full.startsWith("\\\\.\\")) return full;
  return full.startsWith("\\\\") ? `\\\\?\\UNC\\${full.slice(2)}` : `\\\\?\\${full}`;
}

function fullPathOf(path: string): string {
  const { GetFullPathNameW } = windows();
  const size = path.length + 1024;
  const full = newStruct(2 * size);
  const length = GetFullPathNameW(wide(path), size, full.bytes, null);
  return length < size ? fromWide(full, length) : path;
}

/**
 * See `ObjectSystem.open`. The right to execute is asked for too, since memory can be executable only
 * if the file was opened with it; not everybody has it.
 */
export function open(path: string, { writable, linksRefused }: OpenHow): OpenObject {
  const access = GENERIC_READ | (writable ? GENERIC_WRITE : 0);
  const flags = FILE_ATTRIBUTE_NORMAL | (linksRefused ? FILE_FLAG_OPEN_REPARSE_POINT : 0);
  let handle = createFile(path, access | GENERIC_EXECUTE, OPEN_EXISTING, flags);
  let error = lastError[0]!;
  if (handle === -1 && error === ERROR_ACCESS_DENIED) {
    handle = createFile(path, access, OPEN_EXISTING, flags);
    error = lastError[0]!;
  }
  if (handle === -1 && error === ERROR_ACCESS_DENIED) throw deniedError(path);
  const object = checkHandle(handle, error, "CreateFileW", path) as OpenObject;
  return orClose(object, () => {
    if (!linksRefused || !isLink(object)) return object;
    throw windowsError(ERROR_CANT_RESOLVE_FILENAME, "CreateFileW", path);
  });
}

/** The system itself does not say what is wrong with a folder. */
function deniedError(path: string): Error {
  const error = windowsError(ERROR_ACCESS_DENIED, "CreateFileW", path);
  const folder = openFolder(path);
  if (folder === undefined) return error;
  close(folder);
  error.message = `It is a directory: ${error.message}`;
  return error;
}

/** See `ObjectSystem.openIfThere`. */
export function openIfThere(path: string, how: OpenHow): OpenObject | undefined {
  try {
    return open(path, how);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    const folder = openFolder(path);
    if (folder !== undefined) return folder;
    throw error;
  }
}

/** See `ObjectSystem.create`. With the right to delete it, it can be removed whatever its name is. */
export function create(path: string, { writable, allow }: CreateHow): OpenObject {
  if (allow !== undefined) allow(pathOfEntry(path) ?? path);
  const access = GENERIC_READ | DELETE | GENERIC_EXECUTE | (writable ? GENERIC_WRITE : 0);
  const handle = createFile(path, access, CREATE_NEW, FILE_ATTRIBUTE_NORMAL);
  return checkHandle(handle, lastError[0]!, "CreateFileW", path) as OpenObject;
}

/** See `ObjectSystem.pathOfEntry`. */
export function pathOfEntry(path: string): string | undefined {
  // Without the dots and spaces at its end, which the system leaves out of a file's name.
  const full = path.startsWith("\\\\?\\") ? path : fullPathOf(path);
  const cut = full.lastIndexOf("\\");
  const folder = openAny(cut < 0 ? "." : full.slice(0, cut + 1)); // "" has no whole path
  if (folder === undefined) return undefined;
  try {
    return `${truePathOf(folder)}\\${full.slice(cut + 1)}`;
  } finally {
    close(folder);
  }
}

/** Anything, to ask for its attributes; undefined if it is not there. */
export function openAny(path: string): OpenObject | undefined {
  const handle = createFile(path, FILE_READ_ATTRIBUTES, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS);
  return handle === -1 ? undefined : handle as OpenObject;
}

/** Whether there is anything at a path. */
export function isAnythingAt(path: string): boolean {
  const there = openAny(path);
  if (there !== undefined) close(there);
  return there !== undefined;
}

/** A folder, to ask for its status; undefined if it is none. */
function openFolder(path: string): OpenObject | undefined {
  const object = openAny(path);
  if (object === undefined) return undefined;
  if (orClose(object, () => statusOf(object)).type === "directory") return object;
  close(object);
  return undefined;
}

const FILE_DISPOSITION_INFO = 4;

/** See `ObjectSystem.remove`: only what this module created, for which it has the right. */
export function remove(path: string, object: OpenObject): void {
  const there = openAny(path);
  if (there === undefined) return;
  const found = orClose(there, () => statusOf(there));
  close(there);
  const meant = statusOf(object);
  if (found.device !== meant.device || found.inode !== meant.inode) return;
  windows().SetFileInformationByHandle(
    BigInt(object),
    FILE_DISPOSITION_INFO,
    new Uint8Array([1]),
    1,
  );
}

export const DUPLICATE_SAME_ACCESS = 2;

/**
 * Another handle of a process's object.
 *
 * @param process its HANDLE
 * @param access what the handle is for; if it is not given, the same
 */
export function duplicateFrom(process: bigint, handle: number, access?: number): OpenObject {
  const { bytes, view } = newStruct(8);
  const options = access === undefined ? DUPLICATE_SAME_ACCESS : 0;
  const { DuplicateHandle } = windows();
  checkTrue(
    DuplicateHandle(process, BigInt(handle), SELF, bytes, access ?? 0, 0, options),
    lastError[0]!,
    "DuplicateHandle",
  );
  return view.getInt32(0, true) as OpenObject;
}

export function duplicate(object: OpenObject): OpenObject {
  return duplicateFrom(SELF, object);
}

export function close(handle: number): void {
  windows().CloseHandle(BigInt(handle));
}

/** See `ObjectSystem.pathsOf`. @throws if the system cannot tell: then nobody knows whether it is denied */
export function truePathOf(object: OpenObject): string {
  const path = pathOf(object);
  const error = lastError[0]!;
  if (path !== "" || windows().GetFileType(BigInt(object)) !== FILE_TYPE_DISK) return path;
  throw windowsError(error, "GetFinalPathNameByHandleW");
}

/** Calls `use`, and closes a handle if that throws. */
export function orClose<T>(handle: number, use: () => T): T {
  try {
    return use();
  } catch (error) {
    close(handle);
    throw error;
  }
}

/** See `ObjectSystem.pathOf`: without the prefix that no other program shows. */
export function pathOf(object: OpenObject): string {
  const { GetFinalPathNameByHandleW } = windows();
  let path = newStruct(1024);
  let length = GetFinalPathNameByHandleW(BigInt(object), path.bytes, 512, 0);
  if (length > 512) {
    path = newStruct(2 * length);
    length = GetFinalPathNameByHandleW(BigInt(object), path.bytes, length, 0);
  }
  return fromWide(path, length).replace(/^\\\\\?\\UNC\\/, "\\\\").replace(/^\\\\\?\\/, "");
}

/** FILETIME counts from 1601, in units of 100 ns. */
const EPOCH = 116444736000000000n;

/** Nanoseconds since 1970. */
export function nanosecondsOf(fileTime: bigint): bigint {
  return (fileTime - EPOCH) * 100n;
}

const FILE_TYPE_DISK = 1;
const FILE_TYPE_CHAR = 2;
const FILE_ATTRIBUTE_READONLY = 1;
const FILE_ATTRIBUTE_DIRECTORY = 0x10;
const FILE_ATTRIBUTE_SPARSE_FILE = 0x200;
const FILE_ATTRIBUTE_REPARSE_POINT = 0x400;
const FILE_STANDARD_INFO = 1;

/** BY_HANDLE_FILE_INFORMATION */
function informationOf(object: OpenObject): DataView {
  const { bytes, view } = newStruct(52);
  const { GetFileInformationByHandle } = windows();
  checkTrue(
    GetFileInformationByHandle(BigInt(object), bytes),
    lastError[0]!,
    "GetFileInformationByHandle",
  );
  return view;
}

function isLink(object: OpenObject): boolean {
  return (informationOf(object).getUint32(0, true) & FILE_ATTRIBUTE_REPARSE_POINT) !== 0;
}

/** Whether a file may have holes; not one that a service of the system fills when it is read. */
export function isSparse(object: OpenObject): boolean {
  const attributes = informationOf(object).getUint32(0, true);
  const both = FILE_ATTRIBUTE_SPARSE_FILE | FILE_ATTRIBUTE_REPARSE_POINT;
  return (attributes & both) === FILE_ATTRIBUTE_SPARSE_FILE;
}

/** The space that a file takes, and its size. Under Wine, asking for all else takes 30 times as long. */
export function sizesOf(object: OpenObject): { allocated: number; byteLength: number } {
  const { bytes, view } = newStruct(24);
  const { GetFileInformationByHandleEx } = windows();
  checkTrue(
    GetFileInformationByHandleEx(BigInt(object), FILE_STANDARD_INFO, bytes, 24),
    lastError[0]!,
    "GetFileInformationByHandleEx",
  );
  const [allocated, byteLength] = [view.getBigInt64(0, true), view.getBigInt64(8, true)];
  return { allocated: Number(allocated), byteLength: Number(byteLength) };
}

/** The preferred block size of a file: that of a page, which every file system can read and write. */
export const BLOCK = 4096;

/** See `ObjectSystem.status`. Windows has no modes and no user numbers. */
export function statusOf(object: OpenObject): ObjectStatus {
  const kind = windows().GetFileType(BigInt(object));
  if (kind !== FILE_TYPE_DISK) {
    const type = kind === FILE_TYPE_CHAR ? "character-device" : "other";
    const none = { device: 0, inode: "0", birthTime: "", mode: 0, uid: 0, byteLength: 0 };
    return { ...none, type, allocated: 0, blockByteLength: BLOCK };
  }
  const view = informationOf(object);
  const attributes = view.getUint32(0, true);
  const high = (at: number): bigint => BigInt(view.getUint32(at, true)) << 32n;
  const low = (at: number): bigint => BigInt(view.getUint32(at, true));
  return {
    device: view.getUint32(28, true),
    inode: String(high(44) | low(48)),
    // NTFS gives a number that is used again another upper part; and programs can set this time.
    birthTime: "",
    type: (attributes & FILE_ATTRIBUTE_DIRECTORY) === 0 ? "file" : "directory",
    mode: (attributes & FILE_ATTRIBUTE_READONLY) === 0 ? 0o666 : 0o444,
    uid: 0,
    ...sizesOf(object),
    blockByteLength: BLOCK,
  };
}
