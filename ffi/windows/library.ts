/** Loads the libraries of Windows: once per isolate, at the first call. */

import { bufferOver, pointerFrom } from "../memory.ts";
import {
  KERNEL32,
  KERNELBASE,
  NTDLL,
  type ObservingSymbols,
  TO_OBSERVE_BY_KERNEL32,
  TO_OBSERVE_BY_NTDLL,
  type WindowsSymbols,
} from "./symbols.ts";

/** The functions of Windows. */
export type Windows = Deno.StaticForeignLibraryInterface<WindowsSymbols>;

let loaded: Windows | undefined;

/**
 * This thread's last error, as `lastError[0]`: valid right after a synchronous call that failed. It is
 * read from the thread's own block, before any function is entered: `GetLastError` would be a further
 * call, and the engine's own calls in between have been seen to overwrite what it returns.
 */
export let lastError: Int32Array = new Int32Array(1);

/** This process, as a HANDLE. */
export const SELF = -1n;
/** This thread, as a HANDLE. */
export const THIS_THREAD = -2n;

/** @throws {Deno.errors.NotCapable} If the program runs without `--allow-ffi`. */
export function windows(): Windows {
  return loaded ??= load();
}

function load(): Windows {
  const symbols: Windows = {
    ...openLibrary("kernel32.dll", KERNEL32),
    ...openLibrary("kernelbase.dll", KERNELBASE),
    ...openLibrary("ntdll.dll", NTDLL),
  };
  lastError = new Int32Array(bufferOver({
    pointer: pointerFrom(threadBlock(symbols) + LAST_ERROR_OFFSET)!,
    byteLength: 4,
  }));
  return symbols;
}

/** The functions that look at other processes. */
export type WindowsToObserve = Deno.StaticForeignLibraryInterface<ObservingSymbols>;

let loadedToObserve: WindowsToObserve | undefined;

/** As {@linkcode windows}: few programs need these. */
export function windowsToObserve(): WindowsToObserve {
  return loadedToObserve ??= {
    ...openLibrary("kernel32.dll", TO_OBSERVE_BY_KERNEL32),
    ...openLibrary("ntdll.dll", TO_OBSERVE_BY_NTDLL),
  };
}

/** A permission for single files knows them by their paths alone; a bare name is always the system's. */
export function openLibrary<T extends Deno.ForeignLibraryInterface>(
  name: string,
  definitions: T,
): Deno.StaticForeignLibraryInterface<T> {
  const { state, partial } = Deno.permissions.querySync({ name: "ffi" });
  const path = state === "granted" && !partial ? name : `C:\\Windows\\System32\\${name}`;
  return Deno.dlopen(path, definitions).symbols;
}

/** Where `LastErrorValue` is in a thread's block, on 64-bit machines. */
const LAST_ERROR_OFFSET = 0x68n;

/** THREAD_BASIC_INFORMATION: 0 i32 status, 8 block, 16 process, 24 thread, ...; 48 bytes. */
function threadBlock({ NtQueryInformationThread }: Windows): bigint {
  const { bytes, view } = newStruct(48);
  const status = NtQueryInformationThread(THIS_THREAD, 0, bytes, 48, null);
  const block = view.getBigUint64(8, true);
  if (status === 0 && block !== 0n) return block;
  throw new Deno.errors.NotSupported("Cannot map memory: Windows does not tell where a thread is");
}

/** What a call reads or writes, as it takes it and by its fields. */
export interface Struct {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
}

/**
 * Zeros for a call to fill. Nothing is asked of an array: a program may have replaced what its `buffer`
 * and `length` say, and the call would write to other memory.
 */
export function newStruct(byteLength: number): Struct {
  const buffer = new ArrayBuffer(byteLength);
  return { bytes: new Uint8Array(buffer), view: new DataView(buffer) };
}

/** Text as Windows takes it: UTF-16 with a NUL behind it. */
export function wide(text: string): Uint8Array<ArrayBuffer> {
  const { bytes, view } = newStruct(2 * (text.length + 1));
  for (let i = 0; i < text.length; i++) view.setUint16(2 * i, text.charCodeAt(i), true);
  return bytes;
}

/** The first characters of such a text. */
export function fromWide({ view }: Struct, length: number, byteOffset = 0): string {
  let text = "";
  for (let i = 0; i < length; i++) {
    text += String.fromCharCode(view.getUint16(byteOffset + 2 * i, true));
  }
  return text;
}

/** The 32 bits at an address. */
export function int32At(pointer: Deno.PointerObject): number {
  return new Deno.UnsafePointerView(pointer).getInt32();
}
