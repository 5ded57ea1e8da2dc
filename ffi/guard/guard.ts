/**
 * The fault guard and the process's table: one signal handler and one table per process, made with
 * the first mapping.
 *
 * A block of memory holds the handler's code (read and execute) and, 64 KiB after it, the table.
 * All isolates of a process find the block through the installed handler itself; on Windows as
 * `windows.ts` says. Where the system
 * forbids executable memory there is no handler, and each isolate has a table of its own.
 */

import { checkPointer, checkZero, isSystemError } from "../call.ts";
import {
  MAP_ANONYMOUS,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  SA_ONSTACK,
  SA_SIGINFO,
  SIGBUS,
  SIGSEGV,
} from "../constants.ts";
import { addressOfFunction, showCode } from "../darwin.ts";
import { libc, threadErrno } from "../libc.ts";
import { bytesOf, copyBytes, type MachineCode } from "../machine_code.ts";
import { addressOf, bufferOver, pointerAt, pointerFrom } from "../memory.ts";
import { pageSize } from "../file_calls.ts";
import { BUILD, factOf, platform } from "../platform.ts";
import { SEARCH_CODE } from "../search/code.ts";
import { GUARD_CODE } from "./code.ts";
import { DARWIN_GUARD_CODE } from "./code_darwin.ts";
import { SEARCH_OFFSET, TABLE_BYTE_LENGTH, TABLE_OFFSET } from "./layout.ts";
import { type Action, GuardTable } from "./table.ts";
import * as onWindows from "./windows.ts";

/** "off": not needed so far; "unavailable": the system forbids it. */
type GuardState = "on" | "off" | "unavailable";

/** The signature's length; the handler begins after it. */
const ENTRY_OFFSET = 64;

const CODE = factOf({ linux: GUARD_CODE, darwin: DARWIN_GUARD_CODE });

/** The offset of the addresses of `FUNCTIONS` from the code: FUNCTIONS_OFFSET of darwin.h. */
const FUNCTIONS_OFFSET = 8192;

/** What the handler calls: `struct functions` of darwin.h. On Linux it needs no library. */
const FUNCTIONS = factOf({
  linux: [],
  darwin: [
    "__error",
    "mmap",
    "munmap",
    "mprotect",
    "sigprocmask",
    "sigaction",
    "raise",
    "getpid",
    "pthread_threadid_np",
    "proc_pidinfo",
    "__ulock_wait",
    "mach_task_self",
    "mach_vm_remap",
  ],
});

/** Windows' own way. */
const windows = BUILD.os === "windows" ? onWindows : undefined;

let state: GuardState = "off";
let table: GuardTable | undefined;
/** Whether the system has refused executable memory. It is not asked again. */
let refused = false;

/** Whether guarded regions of this isolate are guarded. */
export function guardState(): GuardState {
  return state;
}

/** The table, if there is a guard, which is installed now if necessary. */
export function guardTable(): GuardTable | undefined {
  const known = processTable();
  return state === "on" ? known : undefined;
}

/** The table; undefined if there is no memory for it now. */
export function processTable(): GuardTable | undefined {
  if (table !== undefined) return table;
  table = attempt(windows?.install ?? install);
  state = table === undefined ? "unavailable" : "on";
  if (refused) table = attempt(windows?.makeOwn ?? makeOwn);
  return table;
}

/**
 * The table if this isolate has one already, or finds the handler of another isolate. Nothing is
 * made, and no permission is asked for.
 */
export function existingTable(): GuardTable | undefined {
  if (table !== undefined) return table;
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  return attempt(windows?.find ?? (() => installed(currentAction(SIGBUS))?.table));
}

/**
 * No failure of the guard may keep a program from mapping a file. After a shortage, the next
 * mapping tries again.
 */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    refused ||= error.code !== "ENOMEM" && error.code !== "EMFILE"; // Windows takes a handle for it
    return undefined;
  }
}

/** How often to look whether a handler is complete before it is taken to be left as it is. */
const TRIES = 10_000;

/**
 * The process's table, after this isolate or another has installed the handler. One that is not complete
 * may be about to give way to another one, or be that of a Worker that was terminated meanwhile.
 */
function install(): GuardTable {
  for (let tries = 0;; tries++) {
    const known = installed(currentAction(SIGBUS));
    if (known?.table.complete) return known.table;
    const found = known === undefined ? installNew() : tries < TRIES ? undefined : known;
    if (found === undefined) continue;
    complete(found);
    return found.table;
  }
}

/** A table for this isolate alone, which no handler knows. */
function makeOwn(): GuardTable {
  return initialized(makeMemory(TABLE_BYTE_LENGTH));
}

function initialized(pointer: Deno.PointerObject): GuardTable {
  const fresh = new GuardTable(pointer);
  fresh.initialize(pageSize());
  fresh.addresses.choose();
  return fresh;
}

/*
 * struct sigaction has the address of the handler first:
 *   glibc, on both architectures: 8 sa_mask, 128 bytes   136 i32 flags   144 u64 restorer
 *   macOS: 8 u32 sa_mask   12 i32 flags
 */
const SIGACTION = factOf({
  linux: { byteLength: 152, flags: 136 },
  darwin: { byteLength: 16, flags: 12 },
});

function toAction(record: DataView): Action {
  return {
    handler: record.getBigUint64(0, true),
    flags: BigInt(record.getUint32(SIGACTION.flags, true)),
  };
}

function currentAction(signal: number): Action {
  const record = new DataView(new ArrayBuffer(SIGACTION.byteLength));
  checkZero(
    libc().sigaction(signal, null, new Uint8Array(record.buffer)),
    threadErrno[0]!,
    "sigaction",
  );
  return toAction(record);
}

/** Replaces the handler of a signal in one step. @returns the previous one */
function exchangeAction(signal: number, { handler, flags }: Action): Action {
  const record = new DataView(new ArrayBuffer(SIGACTION.byteLength));
  const before = new DataView(new ArrayBuffer(SIGACTION.byteLength));
  record.setBigUint64(0, handler, true);
  record.setUint32(SIGACTION.flags, Number(flags), true);
  checkZero(
    libc().sigaction(signal, new Uint8Array(record.buffer), new Uint8Array(before.buffer)),
    threadErrno[0]!,
    "sigaction",
  );
  return toAction(before);
}

/** A handler of this guard, and the table behind it. */
interface Installed {
  readonly action: Action;
  readonly table: GuardTable;
}

/** Undefined if the handler does not belong to this guard. */
function installed(action: Action): Installed | undefined {
  const { handler } = action;
  // The block begins at a page boundary. Only then are the bytes before the handler on the same
  // page, and so readable.
  if (handler % BigInt(pageSize()) !== BigInt(ENTRY_OFFSET)) return undefined;
  const block = pointerFrom(handler - BigInt(ENTRY_OFFSET))!;
  const found = new Uint8Array(bufferOver({ pointer: block, byteLength: ENTRY_OFFSET }));
  const signature = bytesOf(CODE);
  for (let i = 0; i < ENTRY_OFFSET; i++) if (found[i] !== signature[i]) return undefined;
  return { action, table: new GuardTable(pointerAt(block, TABLE_OFFSET)) };
}

/**
 * Installs a new block's handler for SIGBUS: all isolates find the block by this signal. If another
 * isolate was quicker, its handler is put back. This block then stays, and its handler passes
 * signals on, as a thread may be running it.
 *
 * @returns undefined if another isolate was quicker
 */
function installNew(): Installed | undefined {
  const block = makeBlock();
  const fresh = initialized(pointerAt(block, TABLE_OFFSET));
  const handler = addressOf(block) + BigInt(ENTRY_OFFSET);
  const action = { handler, flags: BigInt(SA_SIGINFO | SA_ONSTACK) };
  fresh.setPrevious(0, currentAction(SIGBUS));
  const before = exchangeAction(SIGBUS, action);
  fresh.setPrevious(0, before);
  if (installed(before) === undefined) return { action, table: fresh };
  exchangeAction(SIGBUS, before);
  return undefined;
}

/**
 * Installs the handler for SIGSEGV too. A Worker that should have done it may have been terminated.
 */
function complete({ action, table }: Installed): void {
  const before = currentAction(SIGSEGV);
  if (before.handler !== action.handler) {
    table.setPrevious(1, before);
    exchangeAction(SIGSEGV, action);
  }
  table.markComplete();
}

function makeMemory(byteLength: number): Deno.PointerObject {
  try {
    return mapMemory(byteLength, MAP_PRIVATE);
  } catch (error) {
    if (!isSystemError(error) || error.code !== "ENOMEM") throw error;
    return mapMemory(byteLength, MAP_SHARED); // which RLIMIT_DATA does not count
  }
}

function mapMemory(byteLength: number, sharing: number): Deno.PointerObject {
  const flags = sharing | MAP_ANONYMOUS | MAP_NORESERVE;
  return checkPointer(
    libc().mmap(null, BigInt(byteLength), PROT_READ | PROT_WRITE, flags, -1, 0n),
    threadErrno[0]!,
    "mmap",
  );
}

/** The code, executable, and an empty table behind it. */
function makeBlock(): Deno.PointerObject {
  const byteLength = TABLE_OFFSET + TABLE_BYTE_LENGTH;
  const pointer = makeMemory(byteLength);
  try {
    putCode(CODE, pointer);
    putCode(SEARCH_CODE, pointerAt(pointer, SEARCH_OFFSET));
    writeFunctions(pointerAt(pointer, FUNCTIONS_OFFSET));
    // On Linux this call also makes the code visible to arm64's instruction cache.
    checkZero(
      libc().mprotect(pointer, BigInt(TABLE_OFFSET), PROT_READ | PROT_EXEC),
      threadErrno[0]!,
      "mprotect",
    );
    if (platform().os === "darwin") showCode(pointer, TABLE_OFFSET);
    return pointer;
  } catch (error) {
    libc().munmap(pointer, BigInt(byteLength));
    throw error;
  }
}

function putCode(code: MachineCode, pointer: Deno.PointerObject): void {
  const bytes = bytesOf(code);
  copyBytes(bytes, new Uint8Array(bufferOver({ pointer, byteLength: bytes.length })));
}

/** The addresses of what the handler calls. */
function writeFunctions(pointer: Deno.PointerObject): void {
  const words = new BigUint64Array(bufferOver({ pointer, byteLength: FUNCTIONS_OFFSET }));
  for (let i = 0; FUNCTIONS[i] !== undefined; i++) words[i] = addressOfFunction(FUNCTIONS[i]!);
}
