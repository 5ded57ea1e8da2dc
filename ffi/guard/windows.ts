/**
 * The fault guard of Windows: a vectored exception handler, which is called for every exception of the
 * process. Nobody can ask for the list of such handlers, so the isolates of a process find its block of
 * code and table by a section with a name of the process's own, which holds the block's address.
 *
 * @see https://learn.microsoft.com/windows/win32/debug/vectored-exception-handling
 */

import { addressOf, bufferOver, pointerAt, pointerFrom } from "../memory.ts";
import { bytesOf, copyBytes } from "../machine_code.ts";
import { WINDOWS_SEARCH_CODE } from "../search/code_windows.ts";
import {
  checkAddress,
  checkHandle,
  checkTrue,
  ERROR_ALREADY_EXISTS,
  ERROR_PROC_NOT_FOUND,
  windowsError,
} from "../windows/errors.ts";
import { lastError, newStruct, SELF, wide, windows } from "../windows/library.ts";
import type { Keepers } from "./addresses.ts";
import { WINDOWS_GUARD_CODE } from "./code_windows.ts";
import { SEARCH_OFFSET, TABLE_BYTE_LENGTH, TABLE_OFFSET } from "./layout.ts";
import { GuardTable, type Host } from "./table.ts";

/** FUNCTIONS_OFFSET of windows.h, and the length of the signature. */
const FUNCTIONS_OFFSET = 8192;
const ENTRY_OFFSET = 64;

/** What the handler calls: `struct functions` of windows.h. */
const FUNCTIONS = [
  ...["VirtualQuery", "VirtualProtect", "VirtualAlloc", "VirtualFree", "VirtualAlloc2"],
  ...["MapViewOfFile3", "UnmapViewOfFile2", "CreateFileMappingW", "CloseHandle"],
  ...["ReadProcessMemory", "NtWriteVirtualMemory", "GetCurrentThreadId", "OpenThread"],
  ...["WaitForSingleObject", "SwitchToThread", "GetLastError", "SetLastError"],
];

const MODULES = ["kernelbase.dll", "ntdll.dll"];

const PAGE = 4096;
/** Addresses are given in multiples of this. */
const GRANULE = 65536;

const PAGE_NOACCESS = 0x01;
const PAGE_READWRITE = 0x04;
const PAGE_EXECUTE_READ = 0x20;
const MEM_COMMIT = 0x1000;
const MEM_RESERVE = 0x2000;
const MEM_RELEASE = 0x8000;
const MEM_PRIVATE = 0x20000;
const FILE_MAP_WRITE = 2;
const FILE_MAP_READ = 4;

/** Keepers hold addresses alone. */
export const KEEPERS: Keepers = {
  byteLength: () => GRANULE,
  map(address): bigint {
    const { VirtualAlloc } = windows();
    const wanted = pointerFrom(BigInt(address));
    const taken = VirtualAlloc(wanted, BigInt(GRANULE), MEM_RESERVE, PAGE_NOACCESS);
    return addressOf(taken);
  },
  unmap(keeper): void {
    windows().VirtualFree(pointerFrom(keeper), 0n, MEM_RELEASE);
  },
};

const HOST: Host = { keepers: KEEPERS, threadId: () => windows().GetCurrentThreadId() };

/** The process's table, after this isolate or another has installed the handler. */
export function install(): GuardTable {
  const { section, isNew } = makeSection();
  // The section stays as long as the process, as nobody closes the handle that it was made with.
  const block = withCell(section, isNew, (cell) => {
    let fresh: Deno.PointerObject | undefined;
    while (true) {
      const seen = Atomics.load(cell, 0);
      const known = blockAt(seen);
      if (known !== undefined) {
        if (fresh !== undefined) free(fresh);
        return known;
      }
      fresh ??= makeBlock();
      // An exchange: another isolate may be doing the same.
      if (Atomics.compareExchange(cell, 0, seen, addressOf(fresh)) === seen) return fresh;
    }
  });
  const table = tableOf(block);
  if (!table.complete) complete(block, table);
  return table;
}

/** The process's table, if some isolate has installed the handler. */
export function find(): GuardTable | undefined {
  const section = windows().OpenFileMappingW(FILE_MAP_READ | FILE_MAP_WRITE, 0, wide(nameOfOwn()));
  if (section === 0) return undefined;
  const block = withCell(section, false, (cell) => blockAt(Atomics.load(cell, 0)));
  return block && tableOf(block);
}

/** A table for this isolate alone, which no handler knows. */
export function makeOwn(): GuardTable {
  return initialized(allocate(TABLE_BYTE_LENGTH));
}

/** A number that is used again has started at another time. */
function nameOfOwn(): string {
  const { bytes, view } = newStruct(8);
  const unused = new Uint8Array(8);
  windows().GetProcessTimes(SELF, bytes, unused, unused, unused);
  return `Local\\mmap-guard-${Deno.pid}-${view.getBigUint64(0, true).toString(36)}`;
}

function makeSection(): { section: number; isNew: boolean } {
  const { CreateFileMappingW } = windows();
  const name = wide(nameOfOwn());
  const section = CreateFileMappingW(-1n, null, PAGE_READWRITE, 0, PAGE, name);
  const error = lastError[0]!;
  checkHandle(section, error, "CreateFileMappingW");
  return { section, isNew: error !== ERROR_ALREADY_EXISTS };
}

/** Calls `use` with the word where the block's address is; 0: there is none. */
function withCell<T>(section: number, keep: boolean, use: (cell: BigUint64Array) => T): T {
  const { CloseHandle, MapViewOfFile, UnmapViewOfFile } = windows();
  const handle = BigInt(section);
  const view = MapViewOfFile(handle, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, BigInt(PAGE));
  const error = lastError[0]!;
  try {
    const pointer = checkAddress(view, error, "MapViewOfFile");
    return use(new BigUint64Array(bufferOver({ pointer, byteLength: 8 })));
  } finally {
    if (view !== null) UnmapViewOfFile(view);
    if (!keep) CloseHandle(handle);
  }
}

/**
 * MEMORY_BASIC_INFORMATION: 8 allocation, 32 u32 state, 36 u32 protection, 40 u32 type; 48 bytes.
 *
 * @returns undefined if there is no block of this version of the guard: others may write to a section,
 * too
 */
function blockAt(address: bigint): Deno.PointerObject | undefined {
  const pointer = pointerFrom(address);
  const { bytes, view: record } = newStruct(48);
  windows().VirtualQuery(pointer, bytes, 48n);
  const [state, protection, type] = [32, 36, 40].map((at) => record.getUint32(at, true));
  if (
    pointer === null || record.getBigUint64(8, true) !== address || state !== MEM_COMMIT ||
    protection !== PAGE_EXECUTE_READ || type !== MEM_PRIVATE
  ) return undefined;
  const found = new Uint8Array(bufferOver({ pointer, byteLength: ENTRY_OFFSET }));
  const signature = bytesOf(WINDOWS_GUARD_CODE);
  for (let i = 0; i < ENTRY_OFFSET; i++) if (found[i] !== signature[i]) return undefined;
  return pointer;
}

function tableOf(block: Deno.PointerObject): GuardTable {
  return new GuardTable(pointerAt(block, TABLE_OFFSET), HOST);
}

function initialized(pointer: Deno.PointerObject): GuardTable {
  const table = new GuardTable(pointer, HOST);
  table.initialize(PAGE);
  table.addresses.choose();
  return table;
}

/**
 * Has the process call the handler. Two isolates may both do it, where a Worker that should have done it
 * may have been terminated: the second call finds nothing to do.
 */
function complete(block: Deno.PointerObject, table: GuardTable): void {
  const { AddVectoredExceptionHandler } = windows();
  const handler = AddVectoredExceptionHandler(1, pointerAt(block, ENTRY_OFFSET));
  checkAddress(handler, lastError[0]!, "AddVectoredExceptionHandler");
  table.markComplete();
}

function allocate(byteLength: number): Deno.PointerObject {
  const { VirtualAlloc } = windows();
  return checkAddress(
    VirtualAlloc(null, BigInt(byteLength), MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
    lastError[0]!,
    "VirtualAlloc",
  );
}

function free(block: Deno.PointerObject): void {
  windows().VirtualFree(block, 0n, MEM_RELEASE);
}

/** The code, executable, and an empty table behind it. */
function makeBlock(): Deno.PointerObject {
  const block = allocate(TABLE_OFFSET + TABLE_BYTE_LENGTH);
  try {
    const bytes = new Uint8Array(bufferOver({ pointer: block, byteLength: TABLE_OFFSET }));
    copyBytes(bytesOf(WINDOWS_GUARD_CODE), bytes);
    copyBytes(bytesOf(WINDOWS_SEARCH_CODE), bytes, SEARCH_OFFSET);
    writeFunctions(pointerAt(block, FUNCTIONS_OFFSET));
    initialized(pointerAt(block, TABLE_OFFSET));
    const { FlushInstructionCache, VirtualProtect } = windows();
    const length = BigInt(TABLE_OFFSET);
    checkTrue(
      VirtualProtect(block, length, PAGE_EXECUTE_READ, new Uint8Array(4)),
      lastError[0]!,
      "VirtualProtect",
    );
    FlushInstructionCache(SELF, block, length);
    return block;
  } catch (error) {
    free(block);
    throw error;
  }
}

function writeFunctions(pointer: Deno.PointerObject): void {
  const words = new BigUint64Array(bufferOver({ pointer, byteLength: FUNCTIONS_OFFSET }));
  for (let i = 0; FUNCTIONS[i] !== undefined; i++) words[i] = addressOfFunction(FUNCTIONS[i]!);
}

function addressOfFunction(name: string): bigint {
  const { GetModuleHandleW, GetProcAddress } = windows();
  const bytes = new Uint8Array(name.length + 1);
  for (let i = 0; i < name.length; i++) bytes[i] = name.charCodeAt(i);
  for (let i = 0; MODULES[i] !== undefined; i++) {
    const address = GetProcAddress(GetModuleHandleW(wide(MODULES[i]!)), bytes);
    if (address !== 0n) return address;
  }
  throw windowsError(ERROR_PROC_NOT_FOUND, "GetProcAddress", name);
}
