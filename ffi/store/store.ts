/**
 * Buffers over mapped memory that tell when their last holder is gone: see store.c.
 *
 * The Node-API module is loaded at the first such buffer, from memory: no file is needed, and
 * `--allow-ffi` is enough. Where it cannot be loaded, a buffer says nothing of its holders.
 */

import { checkCount, isSystemError } from "../call.ts";
import { MFD_CLOEXEC } from "../constants.ts";
import { close, memfd_create } from "../file_calls.ts";
import type { GuardSlot } from "../guard/table.ts";
import { libc } from "../libc.ts";
import { bytesOf } from "../machine_code.ts";
import { addressOf, type Range } from "../memory.ts";
import { readLink } from "../proc.ts";
import { STORE_CODE } from "./code.ts";

/** "off": not needed so far; "unavailable": the module cannot be loaded. */
export type LendingState = "on" | "off" | "unavailable";

/** The function that store.c exports; undefined if it fails. */
type BufferOver = (address: bigint, byteLength: bigint, slot: bigint) => ArrayBuffer | undefined;

/** What is used of Node's `process`: https://nodejs.org/api/process.html#processdlopenmodule-filename-flags */
interface Process {
  dlopen(module: { exports: unknown }, filename: string): void;
}

let state: LendingState = "off";
let make: BufferOver | undefined;

/** Whether buffers of this isolate tell when their last holder is gone. */
export function lendingState(): LendingState {
  return state;
}

/**
 * A buffer over mapped memory, which counts as a holder in the slot until nothing uses its memory any
 * more.
 *
 * SAFETY: V8 does not own these bytes. The caller keeps the range mapped as long as the slot is
 * `used`, or leaves that to the finalizer by {@linkcode GuardSlot.abandon}.
 *
 * @returns undefined where there is no such buffer to be had
 */
export function lentBuffer(range: Range, slot: GuardSlot): ArrayBuffer | undefined {
  if (state === "off") {
    make = load();
    state = make === undefined ? "unavailable" : "on";
  }
  if (make === undefined) return undefined;
  const address = addressOf(range.pointer);
  slot.addHolder();
  const buffer = make(address, BigInt(range.byteLength), slot.address);
  if (buffer === undefined) slot.removeHolder();
  return buffer;
}

// Captured at load, and only then called: it is what loads Node's part of Deno.
const process = Object.getOwnPropertyDescriptor(globalThis, "process")?.get;
const apply = Reflect.apply;

function load(): BufferOver | undefined {
  if (process === undefined || !mayLoadNode()) return undefined;
  let fd: number | undefined;
  try {
    fd = copyOfModule();
    const module: { exports: unknown } = { exports: undefined };
    (apply(process, globalThis, []) as Process).dlopen(module, `/proc/self/fd/${fd}`);
    return typeof module.exports === "function" ? module.exports as BufferOver : undefined;
  } catch {
    // Memory that may not be executed, or `--allow-ffi` for some paths only: regions work without.
    return undefined;
  } finally {
    if (fd !== undefined) close(fd);
  }
}

/** Without /proc, Deno 2.9 ends the process when Node's part is loaded, and no `catch` helps. */
function mayLoadNode(): boolean {
  try {
    return readLink("/proc/self/exe") !== "";
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}

/** What the module is called in /proc/self/maps, where it stays. */
export const MODULE_NAME = "mmap.node";

/** The module as a file in memory. */
function copyOfModule(): number {
  const fd = memfd_create(MODULE_NAME, MFD_CLOEXEC);
  try {
    const code = bytesOf(STORE_CODE);
    checkCount(libc().write(fd, code, BigInt(code.length)), "write");
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}
