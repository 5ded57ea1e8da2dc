/** Loads the libraries of Windows: once per isolate, at the first call. */

import { bufferOver, pointerFrom } from "../memory.ts";
import { KERNEL32, KERNELBASE, NTDLL, type WindowsSymbols } from "./symbols.ts";

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
    ...open("kernel32.dll", KERNEL32),
    ...open("kernelbase.dll", KERNELBASE),
    ...open("ntdll.dll", NTDLL),
  };
  lastError = new Int32Array(bufferOver({
    pointer: pointerFrom(threadBlock(symbols) + LAST_ERROR_OFFSET)!,
    byteLength: 4,
  }));
  return symbols;
}

/** A permission for single files knows them by their paths alone; a bare name is always the system's. */
function open<T extends Deno.ForeignLibraryInterface>(
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
  const information = new BigUint64Array(6);
  const bytes = new Uint8Array(information.buffer);
  const status = NtQueryInformationThread(THIS_THREAD, 0, bytes, bytes.length, null);
  if (status === 0 && information[1] !== 0n) return information[1]!;
  throw new Deno.errors.NotSupported("Cannot map memory: Windows does not tell where a thread is");
}

/** Text as Windows takes it: UTF-16 with a NUL behind it. */
export function wide(text: string): Uint8Array<ArrayBuffer> {
  const characters = new Uint16Array(text.length + 1);
  for (let i = 0; i < text.length; i++) characters[i] = text.charCodeAt(i);
  return new Uint8Array(characters.buffer);
}

/** The first characters of such a text. */
export function fromWide(bytes: Uint8Array<ArrayBuffer>, length: number): string {
  const characters = new Uint16Array(bytes.buffer, bytes.byteOffset, length);
  let text = "";
  for (const character of characters) text += String.fromCharCode(character);
  return text;
}

/** The 32 bits at an address. */
export function int32At(pointer: Deno.PointerObject): number {
  return new Deno.UnsafePointerView(pointer).getInt32();
}
