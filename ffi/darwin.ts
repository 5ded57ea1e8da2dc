/**
 * What macOS alone has: calls of libSystem with their constants and structs, from Apple's published
 * sources (xnu 11417, Libc 1725).
 */

import { errnoName } from "./errno.ts";
import { cString } from "./arguments.ts";
import { checkCount, checkZero, required, systemError } from "./call.ts";
import { libc, threadErrno } from "./libc.ts";
import { addressOf } from "./memory.ts";
import { platform } from "./platform.ts";
import type { DarwinLibc, Libc } from "./symbols.ts";
import { type FileStatus, statusIn } from "./status.ts";

/** The functions of libc with those that macOS alone has. */
export function libSystem(): Libc & DarwinLibc {
  return libc() as Libc & DarwinLibc;
}

/** Memory as words and as bytes; a program may have replaced what leads from one to the other. */
function words(count: number): [BigUint64Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] {
  const memory = new ArrayBuffer(8 * count);
  return [new BigUint64Array(memory), new Uint8Array(memory)];
}

const F_PREALLOCATE = 42;
const F_GETPATH = 50;
const F_FULLFSYNC = 51;
const F_PUNCHHOLE = 99;
const F_ALLOCATEALL = 4;
const F_PEOFPOSMODE = 3;
const MAXPATHLEN = 1024;

/** Where an open file stands; undefined for what is no file, or stands nowhere any more. */
export function pathOfDescriptor(fd: number): string | undefined {
  const bytes = new Uint8Array(MAXPATHLEN);
  if (libSystem().fcntlBuffer(fd, F_GETPATH, bytes) === -1) return undefined;
  return textIn(bytes);
}

function textIn(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

/**
 * Reserves blocks behind a file's physical end.
 *
 * @returns 0, or the error number
 */
export function preallocate(fd: number, byteLength: number): number {
  // fstore_t: 0 u32 fst_flags, 4 i32 fst_posmode, 8 i64 fst_offset: 0, 16 i64 fst_length,
  // 24 i64 fst_bytesalloc, which comes back
  const request = new DataView(new ArrayBuffer(32));
  request.setUint32(0, F_ALLOCATEALL, true);
  request.setInt32(4, F_PEOFPOSMODE, true);
  request.setBigInt64(16, BigInt(byteLength), true);
  const bytes = new Uint8Array(request.buffer);
  return libSystem().fcntlBuffer(fd, F_PREALLOCATE, bytes) === -1 ? threadErrno[0]! : 0;
}

/** Gives whole blocks of a file back. @returns 0, or the error number */
export function punchHole(fd: number, byteOffset: number, byteLength: number): number {
  // fpunchhole_t: 0 u32 fp_flags: 0, 4 u32 reserved, 8 i64 fp_offset, 16 i64 fp_length
  const [request, bytes] = words(3);
  request[1] = BigInt(byteOffset);
  request[2] = BigInt(byteLength);
  return libSystem().fcntlBuffer(fd, F_PUNCHHOLE, bytes) === -1 ? threadErrno[0]! : 0;
}

/** As F_FULLFSYNC, on another thread. @returns whether it was done */
export async function fullSyncOffThread(fd: number): Promise<boolean> {
  return await libSystem().fcntlOffThread(fd, F_FULLFSYNC, 0n) !== -1;
}

/** The status of what a path leads to, symbolic links followed. @throws the error of `stat` */
export function statusOfFile(path: string): FileStatus {
  const { stat, stat$INODE64 } = libSystem();
  const call = platform().arch === "x86_64" ? stat$INODE64! : stat!;
  return statusIn((record) => {
    checkZero(call(cString(path, "path", "stat"), record), threadErrno[0]!, "stat", path);
  });
}

/** Writes all of some bytes into a file. @throws the error of `pwrite` */
export function writeAt(fd: number, bytes: Uint8Array<ArrayBuffer>, byteOffset: number): void {
  for (let done = 0; done < bytes.length;) {
    const rest = bytes.subarray(done);
    const offset = BigInt(byteOffset + done);
    done += checkCount(
      libSystem().pwrite(fd, rest, BigInt(rest.length), offset),
      threadErrno[0]!,
      "pwrite",
    );
  }
}

/** Makes a folder for this user alone, unless it is there. @throws the error of `mkdir` */
export function makeFolder(path: string): void {
  if (libSystem().mkdir(cString(path, "path", "mkdir"), 0o700) === 0) return;
  const errno = threadErrno[0]!;
  if (errnoName(errno) !== "EEXIST") throw systemError(errno, "mkdir", path);
}

/** Where the name begins in struct dirent. */
const D_NAME_OFFSET = 21;

/** The names in a folder, "." and ".." left out; none if it is not there. */
export function namesIn(path: string): string[] {
  const symbols = libSystem();
  const isOld = platform().arch === "x86_64";
  const opendir = isOld ? symbols.opendir$INODE64! : symbols.opendir;
  const readdir = isOld ? symbols.readdir$INODE64! : symbols.readdir;
  const folder = opendir(cString(path, "name", "opendir"));
  if (folder === null) {
    const errno = threadErrno[0]!;
    if (errnoName(errno) === "ENOENT") return [];
    throw systemError(errno, "opendir", path);
  }
  try {
    const names: string[] = [];
    for (let entry; (entry = readdir(folder)) !== null;) {
      const name = new Deno.UnsafePointerView(entry).getCString(D_NAME_OFFSET);
      if (name !== "." && name !== "..") names.push(name);
    }
    return names;
  } finally {
    symbols.closedir(folder);
  }
}

/** How long this process may make files, in bytes. */
export function fileSizeLimit(): number {
  const RLIMIT_FSIZE = 1;
  const [limits, bytes] = words(2); // rlim_cur, rlim_max
  libSystem().getrlimit(RLIMIT_FSIZE, bytes);
  return Number(limits[0]!);
}

const _CS_DARWIN_USER_DIR = 65536;

/** This user's folder, which no job of the system empties; undefined if there is none. */
export function userFolder(): string | undefined {
  const bytes = new Uint8Array(MAXPATHLEN);
  const length = libSystem().confstr(_CS_DARWIN_USER_DIR, bytes, BigInt(bytes.length));
  return length === 0n || length > bytes.length ? undefined : textIn(bytes);
}

/** The boot of the machine; "" if it is not told. */
export function bootSession(): string {
  const bytes = new Uint8Array(64);
  const [length, lengthBytes] = words(1);
  length[0] = 64n;
  const name = cString("kern.bootsessionuuid", "name", "sysctlbyname");
  return libSystem().sysctlbyname(name, bytes, lengthBytes, null, 0n) === 0 ? textIn(bytes) : "";
}

/** This thread's number: of 64 bits, and never given to another one until the machine is restarted. */
export function threadNumber(): bigint {
  const [number, bytes] = words(1);
  libSystem().pthread_threadid_np(null, bytes);
  return number[0]!;
}

const PROC_PIDTBSDINFO = 3;
const PROC_PIDREGIONINFO = 7;
const PROC_PIDLISTTHREADIDS = 28;

/**
 * When a process started, in microseconds of the epoch.
 *
 * @returns 0 if it has ended; undefined if this user may not know
 */
export function startTimeOfProcess(pid: number): number | undefined {
  // struct proc_bsdinfo: 120 u64 pbi_start_tvsec, 128 u64 pbi_start_tvusec, 136 bytes in all
  const [info, bytes] = words(17);
  if (libSystem().proc_pidinfo(pid, PROC_PIDTBSDINFO, 0n, bytes, bytes.length) <= 0) {
    return errnoName(threadErrno[0]!) === "ESRCH" ? 0 : undefined;
  }
  return Number(info[15]! * 1_000_000n + info[16]!);
}

/**
 * The numbers of a process's threads.
 *
 * @returns none if it has ended; undefined if this user may not know
 */
export function threadsOfProcess(pid: number): BigUint64Array | undefined {
  for (let room = 128;; room *= 4) {
    const [numbers, bytes] = words(room);
    const { proc_pidinfo } = libSystem();
    const written = proc_pidinfo(pid, PROC_PIDLISTTHREADIDS, 0n, bytes, bytes.length);
    if (written <= 0) {
      return errnoName(threadErrno[0]!) === "ESRCH" ? numbers.subarray(0, 0) : undefined;
    }
    if (written < bytes.length) return numbers.subarray(0, written / 8);
  }
}

/** What stands at an address, or behind it. */
export interface Region {
  readonly start: number;
  readonly byteLength: number;
  /** Whether writing to it is seen by nobody else. */
  readonly isPrivate: boolean;
  /** What memory was tagged with by who mapped it; 0: nothing. */
  readonly tag: number;
  readonly isLocked: boolean;
  /** In pages: resident, swapped out, changed, and mapped by this process alone. */
  readonly pages: Readonly<Record<"resident" | "swapped" | "dirtied" | "own", number>>;
}

/** <mach/vm_inherit.h>: `mmap` has children inherit shared mappings, and copies of private ones. */
const VM_INHERIT_SHARE = 0;

/** The region of this process that holds an address, or the next one above it; undefined if none. */
export function regionAt(address: bigint): Region | undefined {
  // struct proc_regioninfo: 8 u32 pri_inheritance, 28 u32 pri_user_wired_count, 32 u32 pri_user_tag,
  // 36 u32 pri_pages_resident, 44 u32 pri_pages_swapped_out, 48 u32 pri_pages_dirtied,
  // 64 u32 pri_private_pages_resident, 80 u64 pri_address, 88 u64 pri_size, 96 bytes in all
  const info = new DataView(new ArrayBuffer(96));
  const bytes = new Uint8Array(info.buffer);
  if (libSystem().proc_pidinfo(Deno.pid, PROC_PIDREGIONINFO, address, bytes, 96) <= 0) {
    return undefined;
  }
  const at = (offset: number): number => info.getUint32(offset, true);
  return {
    start: Number(info.getBigUint64(80, true)),
    byteLength: Number(info.getBigUint64(88, true)),
    isPrivate: at(8) !== VM_INHERIT_SHARE,
    tag: at(32),
    isLocked: at(28) > 0,
    pages: { resident: at(36), swapped: at(44), dirtied: at(48), own: at(64) },
  };
}

/** Copies between two addresses of this process. @returns whether all of both was there */
export function copyBetween(source: bigint, target: bigint, byteLength: number): boolean {
  const { mach_task_self, mach_vm_read_overwrite } = libSystem();
  task ??= mach_task_self();
  return mach_vm_read_overwrite(task, source, BigInt(byteLength), target, outSize) === 0;
}

let task: number | undefined;
const outSize = new Uint8Array(8);

const RTLD_DEFAULT = 2n ** 64n - 2n;

/**
 * The address of a function, for code that calls it.
 *
 * @throws {Deno.errors.NotSupported} ENOSYS: it is missing.
 */
export function addressOfFunction(name: string): bigint {
  const { dlsym } = libSystem();
  return addressOf(required(dlsym!(RTLD_DEFAULT, cString(name, "symbol", "dlsym")), name));
}

/** Makes code that was written here visible to the processor's cache of instructions. */
export function showCode(pointer: Deno.PointerObject, byteLength: number): void {
  libSystem().sys_icache_invalidate(pointer, BigInt(byteLength));
}

/** As `accept4` without flags. @throws {Deno.errors.WouldBlock} EAGAIN: nobody has connected. */
export function acceptConnection(fd: number): number {
  return checkCount(libSystem().accept(fd, null, null), threadErrno[0]!, "accept");
}
