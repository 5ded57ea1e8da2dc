/**
 * The fault guard: installs one signal handler per process, at the first guarded mapping.
 *
 * A block of memory holds the handler's code (read and execute) and, 64 KiB behind, its table. All
 * isolates of a process find the block through the installed handler itself.
 */

import { checkPointer, checkZero } from "../call.ts";
import {
  LOCK_EX,
  MAP_ANONYMOUS,
  MAP_NORESERVE,
  MAP_PRIVATE,
  O_CLOEXEC,
  O_RDONLY,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  SA_ONSTACK,
  SA_SIGINFO,
  SIGBUS,
  SIGSEGV,
} from "../constants.ts";
import { close, open } from "../file_calls.ts";
import { libc } from "../libc.ts";
import { addressOf, bufferOver, pointerAt, pointerFrom } from "../memory.ts";
import { pageSize } from "../page_size.ts";
import { platform } from "../platform.ts";
import { GUARD_CODE } from "./code.ts";
import { GuardTable, TABLE_BYTE_LENGTH } from "./table.ts";

/** "off": not needed so far; "unavailable": the system forbids it or the platform has none. */
export type GuardState = "on" | "off" | "unavailable";

/** How far behind the code the table lies: TABLE_OFFSET of guard.c; the largest page size. */
const TABLE_OFFSET = 65536;

/** The signature's length; the handler begins behind it. */
const ENTRY_OFFSET = 64;

let state: GuardState = "off";
let table: GuardTable | undefined;

/** Whether guarded regions of this isolate are guarded. */
export function guardState(): GuardState {
  return state;
}

/** The table, after installing the handler if need be; undefined where there is no guard. */
export function guardTable(): GuardTable | undefined {
  if (state === "off") {
    table = install();
    state = table === undefined ? "unavailable" : "on";
  }
  return table;
}

function install(): GuardTable | undefined {
  if (platform().os !== "linux") return undefined;
  try {
    return alone(() => installed() ?? installNew());
  } catch {
    // Executable memory may be forbidden (SELinux, systemd's MemoryDenyWriteExecute), and no
    // failure of the guard may keep a program from mapping a file.
    return undefined;
  }
}

/** Runs `action` in one isolate of the process at a time. */
function alone<T>(action: () => T): T {
  // A file of /proc that is this process's own; the lock belongs to the open file, so two Workers
  // exclude each other, and it goes when the descriptor does.
  const fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  try {
    checkZero(libc().flock(fd, LOCK_EX), "flock");
    return action();
  } finally {
    close(fd);
  }
}

/*
 * glibc's struct sigaction, the same on x86-64 and arm64:
 *   0 u64 handler   8 sa_mask, 128 bytes   136 i32 flags   144 u64 restorer   152 bytes in all
 */
const SIGACTION_BYTE_LENGTH = 152;

interface Action {
  readonly handler: bigint;
  readonly flags: bigint;
}

function currentAction(signal: number): Action {
  const record = new DataView(new ArrayBuffer(SIGACTION_BYTE_LENGTH));
  checkZero(libc().sigaction(signal, null, new Uint8Array(record.buffer)), "sigaction");
  return {
    handler: record.getBigUint64(0, true),
    flags: BigInt(record.getUint32(136, true)),
  };
}

function setHandler(signal: number, handler: bigint): void {
  const record = new DataView(new ArrayBuffer(SIGACTION_BYTE_LENGTH));
  record.setBigUint64(0, handler, true);
  record.setUint32(136, SA_SIGINFO | SA_ONSTACK, true);
  checkZero(libc().sigaction(signal, new Uint8Array(record.buffer), null), "sigaction");
}

/** The table of a guard that another isolate has installed. */
function installed(): GuardTable | undefined {
  const { handler } = currentAction(SIGBUS);
  // The block begins at a page boundary; only then is what precedes the handler on its own page,
  // and so is there to be read.
  if (handler % BigInt(pageSize()) !== BigInt(ENTRY_OFFSET)) return undefined;
  const block = pointerFrom(handler - BigInt(ENTRY_OFFSET))!;
  const found = new Uint8Array(bufferOver({ pointer: block, byteLength: ENTRY_OFFSET }));
  const signature = code();
  for (let i = 0; i < ENTRY_OFFSET; i++) if (found[i] !== signature[i]) return undefined;
  return new GuardTable(pointerAt(block, TABLE_OFFSET));
}

function installNew(): GuardTable {
  const block = makeBlock();
  const fresh = new GuardTable(pointerAt(block, TABLE_OFFSET));
  fresh.initialize(pageSize(), [currentAction(SIGBUS), currentAction(SIGSEGV)]);
  const handler = addressOf(block) + BigInt(ENTRY_OFFSET);
  setHandler(SIGSEGV, handler);
  setHandler(SIGBUS, handler); // last: by this one it is found
  return fresh;
}

/** The code, executable, and an empty table behind it. */
function makeBlock(): Deno.PointerObject {
  const byteLength = TABLE_OFFSET + TABLE_BYTE_LENGTH;
  const protection = PROT_READ | PROT_WRITE;
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  const { mmap, mprotect, munmap } = libc();
  const pointer = checkPointer(
    mmap(null, BigInt(byteLength), protection, flags, -1, 0n),
    "mmap",
  );
  try {
    const bytes = new Uint8Array(bufferOver({ pointer, byteLength: TABLE_OFFSET }));
    copyBytes(code(), bytes);
    // Also what makes arm64's instruction cache see the code.
    checkZero(mprotect(pointer, BigInt(TABLE_OFFSET), PROT_READ | PROT_EXEC), "mprotect");
    return pointer;
  } catch (error) {
    munmap(pointer, BigInt(byteLength));
    throw error;
  }
}

/** Byte by byte: a program may have replaced the methods of typed arrays. */
function copyBytes(from: Uint8Array, to: Uint8Array): void {
  for (let i = 0; from[i] !== undefined; i++) to[i] = from[i]!;
}

const fromHex = Uint8Array.fromHex;

function code(): Uint8Array {
  return fromHex(GUARD_CODE[platform().arch].lines.join(""));
}
