/**
 * Buffers over mapped memory that tell when their last holder is gone: see store.c.
 *
 * The Node-API module is loaded at the first such buffer, from memory: no file is needed, and
 * `--allow-ffi` is enough. Where it cannot be loaded, buffers do not tell when their last holder is
 * gone.
 */

import { checkCount, isSystemError, required } from "../call.ts";
import { MFD_CLOEXEC } from "../constants.ts";
import { close, memfd_create } from "../file_calls.ts";
import type { GuardSlot } from "../guard/slot.ts";
import type { GuardTable } from "../guard/table.ts";
import { libc, threadErrno } from "../libc.ts";
import { bytesOf } from "../machine_code.ts";
import { readLink } from "../proc.ts";
import { statusOf } from "../status.ts";
import { STORE_CODE } from "./code.ts";

/** "off": not needed so far; "unavailable": the module cannot be loaded. */
type LendingState = "on" | "off" | "unavailable";

/** The function that store.c exports; undefined if it fails. */
type BufferOver = (
  address: number,
  byteLength: number,
  slot: number,
  table?: number,
) => ArrayBuffer | undefined;

/**
 * The part of Node's `process` that is used here:
 * https://nodejs.org/api/process.html#processdlopenmodule-filename-flags
 */
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
 * A buffer over mapped memory, which counts as a holder in the slot while anything uses its memory.
 *
 * SAFETY: V8 does not own these bytes. The caller keeps the range mapped as long as the slot is
 * `used`, or leaves that to the finalizer by {@linkcode GuardSlot.abandon}.
 *
 * @returns undefined if no such buffer can be made
 */
export function lentBuffer(
  start: number,
  byteLength: number,
  slot: GuardSlot,
  table: GuardTable,
): ArrayBuffer | undefined {
  loadOnce(table);
  if (make === undefined) return undefined;
  slot.addHolder();
  const buffer = make(start, byteLength, slot.address);
  if (buffer === undefined) slot.removeHolder();
  return buffer;
}

function loadOnce(table: GuardTable): void {
  if (state !== "off") return;
  make = load(table);
  state = make === undefined ? "unavailable" : "on";
}

/** Held as long as this isolate lives. */
let ownLife: ArrayBuffer | undefined;

// Captured at load: a main program never becomes a Worker.
const isWorker = "DedicatedWorkerGlobalScope" in globalThis;

/**
 * Gives back what a Worker has mapped and not closed when it ends, even if it is terminated. The
 * mappings of the main program end with its process.
 *
 * @returns whether this is a Worker whose end is noticed
 */
export function watchIsolate(table: GuardTable): boolean {
  if (!isWorker || ownLife !== undefined) return isWorker;
  loadOnce(table);
  const slot = make && table.tryTake();
  if (make === undefined || slot === undefined) return false;
  ownLife = make(slot.address, 1, slot.address, table.address);
  if (ownLife === undefined) slot.free();
  return ownLife !== undefined;
}

/** Loads a Node-API module. @returns its exports */
type Open = (path: string) => unknown;

// All of these are captured at load: a program cannot put something else in their place later.
const apply = Reflect.apply;
const process = Object.getOwnPropertyDescriptor(globalThis, "process")?.get;
const openOperation = "Deno" in globalThis ? findOperation() : undefined;

/**
 * Deno's own operation behind `process.dlopen`. It is not public, and may disappear or change its
 * arguments one day. Then `process` is used, which loads all of Node's part of Deno and takes 100
 * times as long.
 */
function findOperation(): ((...parameters: unknown[]) => unknown) | undefined {
  const { internal } = Deno as unknown as { internal?: symbol };
  const internals: unknown = internal && Reflect.get(Deno, internal);
  const { core } = (internals ?? {}) as { core?: { ops?: Record<string, unknown> } };
  const operation = core?.ops?.op_napi_open;
  return typeof operation === "function" ? operation as () => unknown : undefined;
}

function load(table: GuardTable): BufferOver | undefined {
  if (Deno.build.os === "windows") return undefined; // the module is for systems with ELF
  try {
    const known = table.moduleFd;
    if (known !== -1 && BigInt(statusOf(known).inode) === table.moduleInode) return loadFrom(known);
    return loadAnew(table);
  } catch (error) {
    if (isSystemError(error)) return undefined; // no descriptor, or no such memory here
    throw error;
  }
}

/**
 * The descriptor stays open: an isolate that loads the module from the same descriptor gets the
 * same mapping, which the process keeps until it ends.
 */
function loadAnew(table: GuardTable): BufferOver | undefined {
  const fd = copyOfModule();
  let kept = false;
  try {
    const loaded = loadFrom(fd);
    kept = loaded !== undefined && table.keepModule(fd, BigInt(statusOf(fd).inode));
    return loaded;
  } finally {
    if (!kept) close(fd);
  }
}

function loadFrom(fd: number): BufferOver | undefined {
  const path = `/proc/self/fd/${fd}`;
  return attempt(openDirectly, path) ?? attempt(openByNode, path);
}

/** Undefined if the module cannot be loaded: regions work without it. */
function attempt(open: Open, path: string): BufferOver | undefined {
  try {
    const exports = open(path);
    return typeof exports === "function" ? exports as BufferOver : undefined;
  } catch {
    return undefined; // executable memory is forbidden, or `--allow-ffi` is limited to some paths
  }
}

/** A callback for asynchronous work, which the module never starts. */
const nothing = (): void => {};

function openDirectly(path: string): unknown {
  const callbacks = [nothing, nothing, nothing, nothing, nothing, nothing];
  return openOperation === undefined
    ? undefined
    : apply(openOperation, undefined, [path, globalThis, ...callbacks]);
}

function openByNode(path: string): unknown {
  if (process === undefined || !mayLoadNode()) return undefined;
  const module: { exports: unknown } = { exports: undefined };
  (apply(process, globalThis, []) as Process).dlopen(module, path);
  return module.exports;
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

/** The permanent name of the module in /proc/self/maps. */
export const MODULE_NAME = "mmap.node";

/** The module as a file in memory. @throws {Deno.errors.NotSupported} Where there is no such file. */
function copyOfModule(): number {
  required(libc().memfd_create, "memfd_create");
  const fd = memfd_create(MODULE_NAME, MFD_CLOEXEC);
  try {
    const code = bytesOf(STORE_CODE);
    checkCount(libc().write(fd, code, BigInt(code.length)), threadErrno[0]!, "write");
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}
