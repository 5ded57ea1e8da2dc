/** What the kernel reports about an open file: its identity, type and size. */

import { checkZero, required } from "./call.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from "./constants.ts";
import { cString } from "./arguments.ts";
import { libc, threadErrno } from "./libc.ts";
import { platform, type SupportedOs } from "./platform.ts";

/** The part of C's `struct stat` that this module uses. */
export interface FileStatus {
  /** The device as one number: `st_dev`. */
  readonly device: number;
  /** The inode number, in decimal: it may exceed 2^53. */
  readonly inode: string;
  /**
   * When the file was created, in nanoseconds since the epoch, since inode numbers are reused. ""
   * if the file system does not say.
   */
  readonly birthTime: string;
  readonly type: "file" | "directory" | "character-device" | "block-device" | "other";
  /** The permission bits, such as 0o600. */
  readonly mode: number;
  readonly uid: number;
  readonly byteLength: number;
  /** The storage allocated for it, in bytes: less than its length if it has holes. */
  readonly allocated: number;
  /** The preferred block size of the file system; the page size if its files are huge pages. */
  readonly blockByteLength: number;
}

/** @throws {Error} EBADF: the descriptor is not open. */
export function statusOf(fd: number): FileStatus {
  return STATUS[platform().os](fd);
}

const STATUS: Record<SupportedOs, (fd: number) => FileStatus> = {
  linux: (fd) => linuxStatus(fd, "", AT_EMPTY_PATH),
  darwin: darwinStatus,
};

/**
 * The status of the file at a path, with symbolic links followed. Linux only.
 *
 * @throws {Deno.errors.NotFound} ENOENT.
 */
export function statusOfPath(path: string): FileStatus {
  return linuxStatus(AT_FDCWD, path, 0);
}

/** As {@linkcode statusOfPath}, but of a symbolic link itself. */
export function statusOfEntry(path: string): FileStatus {
  return linuxStatus(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
}

const STATX_BASIC_STATS = 0x7ff;
const STATX_BTIME = 0x800;

/*
 * struct statx, the same on every architecture:
 *    0 u32 stx_mask     4 u32 stx_blksize
 *   20 u32 stx_uid      28 u16 stx_mode    32 u64 stx_ino    40 u64 stx_size
 *   48 u64 stx_blocks, of 512 bytes
 *   80 i64 stx_btime.tv_sec                88 u32 stx_btime.tv_nsec
 *  136 u32 stx_dev_major                 140 u32 stx_dev_minor                 256 bytes in all
 */
const record = new DataView(new ArrayBuffer(256));
const recordBytes = new Uint8Array(record.buffer);
const NO_PATH = new Uint8Array(1);

function linuxStatus(fd: number, path: string, flags: number): FileStatus {
  const name = path === "" ? NO_PATH : cString(path, "pathname", "statx");
  const statx = required(libc().statx, "statx");
  checkZero(
    statx(fd, name, flags, STATX_BASIC_STATS | STATX_BTIME, recordBytes),
    threadErrno[0]!,
    "statx",
    path || undefined,
  );
  return new LinuxStatus();
}

/** What `record` holds. Only callers that compare files pay for the text of an identity. */
class LinuxStatus implements FileStatus {
  readonly device = deviceNumber(record.getUint32(136, true), record.getUint32(140, true));
  readonly type = fileType(record.getUint16(28, true));
  readonly mode = record.getUint16(28, true) & 0o7777;
  readonly uid = record.getUint32(20, true);
  readonly byteLength = Number(record.getBigUint64(40, true));
  readonly allocated = Number(record.getBigUint64(48, true)) * 512;
  readonly blockByteLength = record.getUint32(4, true);
  readonly #inode = record.getBigUint64(32, true);
  readonly #hasBirthTime = (record.getUint32(0, true) & STATX_BTIME) !== 0;
  readonly #bornSeconds = record.getBigInt64(80, true);
  readonly #bornNanoseconds = record.getUint32(88, true);

  get inode(): string {
    return String(this.#inode);
  }

  get birthTime(): string {
    return this.#hasBirthTime ? nanoseconds(this.#bornSeconds, this.#bornNanoseconds) : "";
  }
}

const STATX_INO = 0x100;

/**
 * Only the inode number of the file at a path, for callers that have to be quick. Linux only.
 *
 * @param pathname with its NUL
 * @returns undefined if there is no file, or this user may not see it
 */
export function inodeAt(pathname: Uint8Array<ArrayBuffer>): bigint | undefined {
  const statx = required(libc().statx, "statx");
  if (statx(AT_FDCWD, pathname, 0, STATX_INO, recordBytes) !== 0) return undefined;
  return record.getBigUint64(32, true);
}

function nanoseconds(seconds: bigint, nanoseconds: number): string {
  return String(seconds * 1_000_000_000n + BigInt(nanoseconds));
}

/** glibc's `makedev` for device numbers of up to 32 bits, which is what Linux has. */
function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/*
 * macOS's struct stat with 64-bit inode numbers:
 *   0 i32 st_dev   4 u16 st_mode   8 u64 st_ino   16 u32 st_uid   96 i64 st_size   144 bytes in all
 *  80 i64 st_birthtimespec.tv_sec                 88 i64 st_birthtimespec.tv_nsec
 * 104 i64 st_blocks, of 512 bytes               112 i32 st_blksize
 */
function darwinStatus(fd: number): FileStatus {
  const { fstat, fstat$INODE64 } = libc();
  const call = required(platform().arch === "x86_64" ? fstat$INODE64 : fstat, "fstat");
  return statusIn((record) => checkZero(call(fd, record), threadErrno[0]!, "fstat"));
}

/** What a call writes into macOS's struct stat. @param fill does the call */
export function statusIn(fill: (record: Uint8Array<ArrayBuffer>) => void): FileStatus {
  const record = new DataView(new ArrayBuffer(144));
  fill(new Uint8Array(record.buffer));
  const mode = record.getUint16(4, true);
  return {
    device: record.getInt32(0, true),
    inode: String(record.getBigUint64(8, true)),
    birthTime: nanoseconds(record.getBigInt64(80, true), Number(record.getBigInt64(88, true))),
    // What has no type is shared memory: its inode is 0 too, as no file's is.
    type: (mode & S_IFMT) === 0 ? "file" : fileType(mode),
    mode: mode & 0o7777,
    uid: record.getUint32(16, true),
    byteLength: Number(record.getBigInt64(96, true)),
    allocated: Number(record.getBigInt64(104, true)) * 512,
    blockByteLength: record.getInt32(112, true),
  };
}

/** The part of Linux's `struct statfs` that is used here. */
export interface FileSystemStatus {
  /** A number for its kind: `f_type`. */
  readonly type: number;
  readonly blockByteLength: number;
  /** How many blocks there are; 0 if the file system does not count them. */
  readonly blocks: number;
  readonly freeBlocks: number;
}

/** The file system of a descriptor's file; undefined if the system does not say. Linux only. */
export function fileSystemOf(fd: number): FileSystemStatus | undefined {
  if (platform().os !== "linux") return undefined;
  // All of its fields are words: f_type, f_bsize, f_blocks, f_bfree, ... 120 bytes in all.
  const words = new BigInt64Array(15);
  if (libc().fstatfs(fd, new Uint8Array(words.buffer)) !== 0) return undefined;
  const [type, blockByteLength, blocks, freeBlocks] = words;
  return {
    type: Number(type),
    blockByteLength: Number(blockByteLength),
    blocks: Number(blocks),
    freeBlocks: Number(freeBlocks),
  };
}

function fileType(mode: number): FileStatus["type"] {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFCHR:
      return "character-device";
    case S_IFBLK:
      return "block-device";
    default:
      return "other";
  }
}
