/**
 * Named pipes for messages between two processes of one user. No call waits: each says at once that there
 * is nobody, or nothing, and the caller looks again.
 */

import { pipes } from "../../../ffi/windows/pipes.ts";
import { addressOfBytes } from "../../../ffi/memory.ts";
import {
  checkHandle,
  checkTrue,
  ERROR_ACCESS_DENIED,
  ERROR_BROKEN_PIPE,
  ERROR_FILE_NOT_FOUND,
  ERROR_MORE_DATA,
  ERROR_NO_DATA,
  ERROR_NOT_ENOUGH_MEMORY,
  ERROR_PATH_NOT_FOUND,
  ERROR_PIPE_BUSY,
  ERROR_PIPE_CONNECTED,
  ERROR_PIPE_NOT_CONNECTED,
  windowsError,
  WSAEADDRINUSE,
} from "../../../ffi/windows/errors.ts";
import {
  lastError,
  newStruct,
  SELF,
  type Struct,
  wide,
  windows,
} from "../../../ffi/windows/library.ts";
import { close, isAnythingAt, pathOfEntry } from "./files.ts";

/** The other end is closed, or was never there. */
export const ENDED: unique symbol = Symbol("ended");

/** The most that the system takes. */
const NAME_LIMIT = 256;
const PREFIX = "\\\\.\\pipe\\";
const OWN_PREFIX = `${PREFIX}mmap-`;

/** Whether a path is a pipe's name, in one of the spellings that Windows takes. */
function isPipe(path: string): boolean {
  return /^[\\/]{2}[.?][\\/]pipe[\\/]./i.test(path);
}

/**
 * The name of the pipe of a path: the name itself if it is one, else one that holds the full path. No
 * file has "|" in its path, and none of the system's functions take "\" in a name.
 *
 * @returns undefined if there is no folder that the path is in
 * @throws {RangeError} If the path is too long.
 */
export function pipeNameOf(path: string): string | undefined {
  const full = isPipe(path) ? "" : pathOfEntry(path);
  if (full === undefined) return undefined;
  const name = isPipe(path) ? path : OWN_PREFIX + full.replaceAll("\\", "|");
  if (path !== "" && name.length <= NAME_LIMIT) return name;
  throw new RangeError(
    `Cannot use pipe as its full path must have 1 to ${
      NAME_LIMIT - OWN_PREFIX.length
    } characters: ` +
      `received "${path}"`,
  );
}

const PIPE_ACCESS_DUPLEX = 3;
const FILE_FLAG_FIRST_PIPE_INSTANCE = 0x80000;
const PIPE_NOWAIT = 1;
const PIPE_READMODE_MESSAGE = 2;
const PIPE_TYPE_MESSAGE = 4;
const PIPE_REJECT_REMOTE_CLIENTS = 8;
const MODE = PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_NOWAIT | PIPE_REJECT_REMOTE_CLIENTS;

/** What the system may need beside a message to keep it. */
const SPARE = 4096;

/**
 * Makes a pipe, which nobody but this user can open, and one at a time.
 *
 * @param byteLength how long a message it holds until that is read
 * @throws {Deno.errors.AddrInUse} EADDRINUSE: there is a pipe of that name, or something at the path.
 * @throws {Deno.errors.NotFound} ENOENT: there is no such folder.
 */
export function createPipe(path: string, byteLength: number): number {
  const name = pipeNameOf(path);
  if (name === undefined) throw windowsError(ERROR_PATH_NOT_FOUND, "CreateNamedPipeW", path);
  if (!isPipe(path) && isAnythingAt(path)) throw inUse(path);
  const open = PIPE_ACCESS_DUPLEX | FILE_FLAG_FIRST_PIPE_INSTANCE;
  const size = byteLength + SPARE;
  const security = thisUserAlone();
  const { CreateNamedPipeW } = pipes();
  const pipe = CreateNamedPipeW(wide(name), open, MODE, 1, size, SPARE, 0, security);
  const error = lastError[0]!;
  if (pipe === -1 && (error === ERROR_ACCESS_DENIED || error === ERROR_PIPE_BUSY)) {
    throw inUse(path);
  }
  return checkHandle(pipe, error, "CreateNamedPipeW", path);
}

function inUse(path: string): Error {
  return windowsError(WSAEADDRINUSE, "CreateNamedPipeW", path);
}

const TOKEN_QUERY = 8;
const TOKEN_USER = 1;
const FILE_ALL_ACCESS = 0x1f01ff;
const SELF_RELATIVE_WITH_OWN_LIST = 0x9004; // SE_SELF_RELATIVE, SE_DACL_PROTECTED, SE_DACL_PRESENT

/**
 * What lets in this user alone; by itself the system lets all others read. One behind the other:
 *
 * - SECURITY_ATTRIBUTES: 0 u32 size, 8 the descriptor's address; 24 bytes
 * - SECURITY_DESCRIPTOR: 0 u8 revision, 2 u16 control, 16 u32 where the list is; 20 bytes
 * - ACL: 0 u8 revision, 2 u16 size, 4 u16 count; 8 bytes
 * - ACE: 0 u8 type, 2 u16 size, 4 u32 rights, 8 the user
 */
function thisUserAlone(): Uint8Array<ArrayBuffer> {
  const user = thisUser();
  const { bytes, view } = newStruct(60 + user.length);
  view.setUint32(0, 24, true);
  view.setBigUint64(8, addressOfBytes(bytes) + 24n, true);
  view.setUint8(24, 1);
  view.setUint16(26, SELF_RELATIVE_WITH_OWN_LIST, true);
  view.setUint32(40, 20, true);
  view.setUint8(44, 2);
  view.setUint16(46, 16 + user.length, true);
  view.setUint16(48, 1, true);
  view.setUint16(54, 8 + user.length, true);
  view.setUint32(56, FILE_ALL_ACCESS, true);
  bytes.set(user, 60);
  return bytes;
}

/** This user's SID: 0 u8 revision, 1 u8 how many numbers; behind 8 bytes, those numbers, each a u32. */
function thisUser(): Uint8Array<ArrayBuffer> {
  const { NtOpenProcessToken, NtQueryInformationToken } = pipes();
  const [token, length] = [newStruct(8), newStruct(4)];
  const user = newStruct(256); // TOKEN_USER: 0 the SID's address, 8 u32 attributes; then the SID
  NtOpenProcessToken(SELF, TOKEN_QUERY, token.bytes);
  const handle = token.view.getInt32(0, true);
  const status = NtQueryInformationToken(BigInt(handle), TOKEN_USER, user.bytes, 256, length.bytes);
  if (handle !== 0) close(handle);
  if (status !== 0) throw windowsError(ERROR_ACCESS_DENIED, "NtQueryInformationToken");
  const at = Number(user.view.getBigUint64(0, true) - addressOfBytes(user.bytes));
  return user.bytes.slice(at, at + 8 + 4 * user.view.getUint8(at + 1));
}

/** Whether somebody has opened a pipe's other end, and may have closed it again. */
export function isConnected(pipe: number): boolean {
  if (pipes().ConnectNamedPipe(BigInt(pipe), null) !== 0) return false; // it is free by now
  const error = lastError[0]!;
  return error === ERROR_PIPE_CONNECTED || error === ERROR_NO_DATA;
}

/** Drops whoever is connected, so that somebody else can. */
export function disconnect(pipe: number): void {
  pipes().DisconnectNamedPipe(BigInt(pipe));
}

/** The process that has opened a pipe's other end; 0 if it is gone. */
export function clientOf(pipe: number): number {
  const { bytes, view } = newStruct(4);
  pipes().GetNamedPipeClientProcessId(BigInt(pipe), bytes);
  return view.getUint32(0, true);
}

const GENERIC_READ = 0x80000000;
const GENERIC_WRITE = 0x40000000;
const OPEN_EXISTING = 3;
/** The one who made the pipe must not act as this user: SECURITY_SQOS_PRESENT, SECURITY_ANONYMOUS. */
const ANONYMOUSLY = 0x100000;

/**
 * Opens a pipe's other end; undefined if there is none that is free.
 *
 * @throws {Deno.errors.PermissionDenied} EACCES: it is another user's.
 */
export function openPipe(name: string): number | undefined {
  const access = (GENERIC_READ | GENERIC_WRITE) >>> 0;
  const { CreateFileW } = windows();
  const pipe = CreateFileW(wide(name), access, 0, null, OPEN_EXISTING, ANONYMOUSLY, 0n);
  const error = lastError[0]!;
  if (pipe === -1 && (error === ERROR_FILE_NOT_FOUND || error === ERROR_PIPE_BUSY)) {
    return undefined;
  }
  checkHandle(pipe, error, "CreateFileW", name);
  const mode = newStruct(4);
  mode.view.setUint32(0, PIPE_READMODE_MESSAGE | PIPE_NOWAIT, true);
  const { SetNamedPipeHandleState } = pipes();
  const result = SetNamedPipeHandleState(BigInt(pipe), mode.bytes, null, null);
  if (result !== 0) return pipe;
  const failure = lastError[0]!;
  close(pipe);
  if (isEnd(failure)) return undefined;
  throw windowsError(failure, "SetNamedPipeHandleState", name);
}

function isEnd(error: number): boolean {
  return error === ERROR_BROKEN_PIPE || error === ERROR_PIPE_NOT_CONNECTED;
}

/** A message, or as much of it as there is room for; undefined if there is none yet. */
export function readMessage(
  pipe: number,
  room: Struct,
): Uint8Array<ArrayBuffer> | typeof ENDED | undefined {
  const length = newStruct(4);
  const limit = room.view.byteLength;
  const result = windows().ReadFile(BigInt(pipe), room.bytes, limit, length.bytes, null);
  const error = lastError[0]!;
  if (result === 0 && error === ERROR_NO_DATA) return undefined;
  if (result === 0 && isEnd(error)) return ENDED;
  if (error !== ERROR_MORE_DATA) checkTrue(result, error, "ReadFile");
  return room.bytes.subarray(0, length.view.getUint32(0, true));
}

/** @returns whether the other end is still there; it need not read meanwhile */
export function writeMessage(pipe: number, message: Uint8Array<ArrayBuffer>): boolean {
  const written = newStruct(4);
  const { WriteFile } = pipes();
  const result = WriteFile(BigInt(pipe), message, message.length, written.bytes, null);
  const error = lastError[0]!;
  if (result === 0 && (isEnd(error) || error === ERROR_NO_DATA)) return false;
  checkTrue(result, error, "WriteFile");
  if (written.view.getUint32(0, true) === message.length) return true;
  throw windowsError(ERROR_NOT_ENOUGH_MEMORY, "WriteFile");
}
