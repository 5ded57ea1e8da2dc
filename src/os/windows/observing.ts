/**
 * What Windows shows about other processes. A view tells which file it shows, and nothing of the page
 * file's memory: that of this module is known by the header that each process that uses it has mapped
 * (`section_header.ts`). Who sleeps is in the table of sleepers. Who has a lock is in the lock.
 */

import { isSystemError } from "../../../ffi/call.ts";
import { addressOfBytes } from "../../../ffi/memory.ts";
import {
  fromWide,
  newStruct,
  type Struct,
  windows,
  windowsToObserve,
} from "../../../ffi/windows/library.ts";
import type { ObservingSystem, SeenMapping, Sleeper, WayTo } from "../observing_system.ts";
import type { OpenObject } from "../system.ts";
import { areaIn, PAGE_EXECUTE_WRITECOPY, PAGE_WRITECOPY, pointerTo } from "./allocations.ts";
import { lockerAmong } from "./file_locks.ts";
import { close, openAny, pathOf, statusOf } from "./files.ts";
import { BY_NUMBER, closeObject, statusOfObject } from "./objects.ts";
import { own, processOfThread } from "./processes.ts";
import { HEADER_USED, readHeader, type SeenHeader } from "./section_header.ts";
import { MEMORY_DEVICE, openSection } from "./sections.ts";
import { type SeenSleeper, sleepersNow } from "./sleepers.ts";
import { keyAt } from "./waiting.ts";

/** Loads what it needs now, so that whoever cannot have it learns that here. */
export function observe(): ObservingSystem {
  windowsToObserve();
  return observing;
}

const observing: ObservingSystem = {
  mappings(): SeenMapping[] {
    const files = new Map<string, SeenFile>();
    return everyProcess().flatMap(({ pid }) =>
      whenOpen(pid, (process) => mappingsOf(pid, process, files)) ?? []
    );
  },
  ownProcesses(): number[] {
    const self = userOf(Deno.pid);
    return everyProcess().map(({ pid }) => pid).filter((pid) => userOf(pid) === self);
  },
  commandOf: (pid) => whenOpen(pid, commandIn) ?? null,
  threadsOf: (pid) => processOf(pid)?.threads ?? [],
  sleepers,
  objectAt(_range, object): string | undefined {
    if (object === undefined) return undefined;
    return objectText(statusOfObject(object));
  },
  wayTo,
  lockerOf: (object, pids) => lockerAmong(numbersOf(object), pids),
};

/** What an object is called here. */
function objectText({ device, inode }: { device: number; inode: string }): string {
  return `${device}:${inode}`;
}

function numbersOf(object: string): { device: number; inode: string } {
  const [device = "", inode = ""] = object.split(":");
  return { device: Number(device), inode };
}

const PROCESS_VM_READ = 0x10;
const PROCESS_QUERY_INFORMATION = 0x400;

/** Calls `look` with a process; undefined if it is gone, or this user may not look at it. */
function whenOpen<T>(pid: number, look: (process: bigint) => T): T | undefined {
  const access = PROCESS_QUERY_INFORMATION | PROCESS_VM_READ;
  const process = windows().OpenProcess(access, 0, pid);
  if (process === 0) return undefined;
  try {
    return look(BigInt(process));
  } finally {
    close(process);
  }
}

/** A process. */
interface SeenProcess {
  readonly pid: number;
  readonly session: number;
  readonly threads: number[];
}

const SYSTEM_PROCESS_INFORMATION = 5;
const STATUS_INFO_LENGTH_MISMATCH = 0xc0000004 | 0;

/**
 * SYSTEM_PROCESS_INFORMATION: 0 u32 where the next one begins, 4 u32 threads, 80 number, 100 u32
 * session; from 256 on 80 bytes for each thread, which have its number at 48.
 */
function everyProcess(): SeenProcess[] {
  const { view } = systemInformation();
  const found: SeenProcess[] = [];
  for (let at = 0, next = -1; next !== 0; at += next) {
    next = view.getUint32(at, true);
    const threads = Array.from(
      { length: view.getUint32(at + 4, true) },
      (_, i) => Number(view.getBigUint64(at + 256 + 80 * i + 48, true)),
    );
    const pid = Number(view.getBigUint64(at + 80, true));
    if (pid !== 0) found.push({ pid, session: view.getUint32(at + 100, true), threads });
  }
  return found.sort((a, b) => a.pid - b.pid);
}

/** There may be more of it at each call. */
function systemInformation(): Struct {
  const { NtQuerySystemInformation } = windowsToObserve();
  const length = newStruct(4);
  for (let size = 2 ** 18;; size *= 2) {
    const struct = newStruct(size);
    const status = NtQuerySystemInformation(
      SYSTEM_PROCESS_INFORMATION,
      struct.bytes,
      size,
      length.bytes,
    );
    if (status === 0) return struct;
    if (status !== STATUS_INFO_LENGTH_MISMATCH) {
      throw new Deno.errors.NotSupported("Cannot look at processes: Windows does not list them");
    }
  }
}

function processOf(pid: number): SeenProcess | undefined {
  return everyProcess().find((each) => each.pid === pid);
}

const TOKEN_QUERY = 8;
const TOKEN_USER = 1;
/** TOKEN_USER: 0 where the SID is, 8 u32 attributes; and a SID of at most 68 bytes. */
const TOKEN_USER_BYTE_LENGTH = 16 + 68;

/** The SID of a process's user, as text; undefined if it is hidden. */
function userOf(pid: number): string | undefined {
  return whenOpen(pid, (process) => {
    const { NtOpenProcessToken, NtQueryInformationToken } = windowsToObserve();
    const handle = newStruct(8);
    if (NtOpenProcessToken(process, TOKEN_QUERY, handle.bytes) !== 0) return undefined;
    const token = handle.view.getInt32(0, true);
    const { bytes } = newStruct(TOKEN_USER_BYTE_LENGTH);
    const length = newStruct(4);
    const status = NtQueryInformationToken(
      BigInt(token),
      TOKEN_USER,
      bytes,
      TOKEN_USER_BYTE_LENGTH,
      length.bytes,
    );
    close(token);
    return status === 0 ? String(bytes.subarray(16, length.view.getUint32(0, true))) : undefined;
  });
}

/** Copies memory of another process. @returns undefined if not all of it is there */
function copyFrom(process: bigint, address: number, byteLength: number): Struct | undefined {
  const struct = newStruct(byteLength);
  const { bytes } = struct;
  const target = pointerTo(Number(addressOfBytes(bytes)));
  const status = windows().NtReadVirtualMemory(
    process,
    pointerTo(address),
    target,
    BigInt(byteLength),
    newStruct(8).bytes,
  );
  return status === 0 ? struct : undefined;
}

const PROCESS_BASIC_INFORMATION = 0;

/**
 * The command line, from the process's own memory. PROCESS_BASIC_INFORMATION: 8 the process's block;
 * that: 32 its parameters; those: 112 u16 length of the command line in bytes, 120 the command line.
 */
function commandIn(process: bigint): string | undefined {
  const basic = newStruct(48);
  const { NtQueryInformationProcess } = windowsToObserve();
  const status = NtQueryInformationProcess(
    process,
    PROCESS_BASIC_INFORMATION,
    basic.bytes,
    48,
    null,
  );
  if (status !== 0) return undefined;
  const addressAt = ({ view }: Struct): number => Number(view.getBigUint64(0, true));
  const block = Number(basic.view.getBigUint64(8, true));
  const parameters = block && copyFrom(process, block + 32, 8);
  const text = parameters && copyFrom(process, addressAt(parameters) + 112, 16);
  if (!text) return undefined;
  const length = text.view.getUint16(0, true);
  const characters = copyFrom(process, Number(text.view.getBigUint64(8, true)), length);
  return characters && fromWide(characters, length / 2).trim() || undefined;
}

/** Where the addresses of a program end. */
const ADDRESSES_END = 0x7fff_fffe_0000;
const FIRST_ADDRESS = 0x10000;
const COPY_ON_WRITE = PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY;

/** A file that is mapped. */
type SeenFile = Pick<SeenMapping, "object" | "path">;

/** The files and memory that a process maps, each once. @param files those that are known already */
function mappingsOf(pid: number, process: bigint, files: Map<string, SeenFile>): SeenMapping[] {
  const found = new Map<string, SeenMapping>();
  for (let at = FIRST_ADDRESS; at < ADDRESSES_END;) {
    const area = areaIn(process, at);
    if (area === undefined) break;
    const { start, allocation, isView, madeWith } = area;
    at = area.end;
    if (!isView || start !== allocation) continue;
    const seen = fileAt(process, start, files) ?? memoryAt(process, start);
    if (seen === undefined) continue;
    const shared = (madeWith & COPY_ON_WRITE) === 0 || found.get(seen.object)?.shared === true;
    found.set(seen.object, { pid, ...seen, shared });
  }
  return [...found.values()];
}

const MOST_NAME = 32768;
const nameRoom = newStruct(2 * MOST_NAME);

/** The file of a view; undefined if it is none. */
function fileAt(
  process: bigint,
  address: number,
  files: Map<string, SeenFile>,
): SeenFile | undefined {
  const { K32GetMappedFileNameW } = windowsToObserve();
  const length = K32GetMappedFileNameW(process, pointerTo(address), nameRoom.bytes, MOST_NAME);
  if (length === 0) return undefined;
  const name = fromWide(nameRoom, length).replace(/\0.*$/, "");
  let file = files.get(name);
  if (file === undefined) files.set(name, file = fileNamed(name));
  return file;
}

/** A file by the name that the kernel has for it, which programs cannot use as it is. */
function fileNamed(name: string): SeenFile {
  const path = name.startsWith("\\??\\")
    ? `\\\\?\\${name.slice(4)}`
    : name.startsWith("\\")
    ? `\\\\?\\GLOBALROOT${name}`
    : name;
  const file = openAny(path);
  if (file === undefined) return { object: name, path: name };
  try {
    return { object: objectText(statusOf(file)), path: pathOf(file) };
  } finally {
    close(file);
  }
}

/** The memory whose header is there. */
function memoryAt(process: bigint, address: number): SeenFile | undefined {
  const header = headerAt(process, address);
  if (header === undefined) return undefined;
  const { inode, label } = header;
  return { object: objectText({ device: MEMORY_DEVICE, inode }), path: label };
}

function headerAt(process: bigint, address: number): SeenHeader | undefined {
  const copy = copyFrom(process, address, HEADER_USED);
  return copy && readHeader(copy.view.buffer);
}

/** See `ObservingSystem.sleepers`. The table tells where a word lies, and its key in which object. */
function sleepers(pid: number, mappings: readonly SeenMapping[]): Sleeper[] | undefined {
  const slots = sleepersNow();
  const process = processOf(pid);
  if (slots === undefined || process?.session !== processOf(Deno.pid)?.session) return undefined;
  const objects = mappings.filter((mapping) => mapping.pid === pid && mapping.shared)
    .map(({ object }) => object);
  return slots.filter(({ tid }) => processOfThread(tid) === pid).flatMap((slot) => {
    const object = objects.find((object) => isIn(object, slot));
    const { tid, byteOffset } = slot;
    return object === undefined ? [] : [{ pid, tid, object, byteOffset }];
  });
}

function isIn(object: string, { key: { low, high }, byteOffset }: SeenSleeper): boolean {
  const key = keyAt(numbersOf(object), byteOffset);
  return key.low === low && key.high === high;
}

/** See `ObservingSystem.wayTo`. */
function wayTo({ object, path }: SeenMapping): WayTo | undefined {
  const { device, inode } = numbersOf(object);
  if (device !== MEMORY_DEVICE) return inode === "" ? undefined : { path };
  let memory: OpenObject;
  try {
    memory = openSection(inode, false);
  } catch (error) {
    if (isSystemError(error)) return undefined; // it has gone meanwhile, or is another session's
    throw error;
  }
  const { birthTime, byteLength } = statusOfObject(memory);
  closeObject(memory);
  return { memory: { ...own(), fd: BY_NUMBER, device, inode, birthTime, byteLength } };
}
