/** What this process holds on Windows, where no /proc tells: its handles, and its views of files. */

import { pointerFrom } from "../ffi/memory.ts";
import { fromWide, lastError, newStruct, SELF, wide, windows } from "../ffi/windows/library.ts";
import { areaAt, piecesOf } from "../src/os/windows/allocations.ts";

/** Loaded with this file, so that no test is said to have left it open. */
const kernel32 = Deno.build.os !== "windows" ? undefined : Deno.dlopen("kernel32.dll", {
  GetHandleInformation: { parameters: ["usize", "buffer"], result: "i32" },
  K32GetMappedFileNameW: { parameters: ["isize", "pointer", "buffer", "u32"], result: "u32" },
  WaitNamedPipeW: { parameters: ["buffer", "u32"], result: "i32" },
}).symbols;

const kernelbase = Deno.build.os !== "windows" ? undefined : Deno.dlopen("kernelbase.dll", {
  CompareObjectHandles: { parameters: ["usize", "usize"], result: "i32" },
}).symbols;

/** So many handles in a row may have been closed again. */
const MOST_CLOSED = 4000;

/**
 * The handles of any kind that are open. Under Wine the system does not tell; it gives the lowest
 * numbers first, each a multiple of four, so that a long way without any is the end.
 */
function* handles(): Generator<number> {
  const flags = newStruct(4).bytes;
  for (let handle = 4, last = 0; handle < last + 4 * MOST_CLOSED; handle += 4) {
    if (kernel32!.GetHandleInformation(BigInt(handle), flags) === 0) continue;
    last = handle;
    yield handle;
  }
}

/** How many handles of any kind are open. */
export function handleCount(): number {
  return [...handles()].length;
}

/** How many handles lead to the object of one. */
export function countHandlesLike(handle: number): number {
  const isLike = (other: number): boolean =>
    kernelbase!.CompareObjectHandles(BigInt(handle), BigInt(other)) !== 0;
  return [...handles()].filter(isLike).length;
}

/** Whether there is a pipe of that name that nobody has opened yet. */
export function isFreePipe(name: string): boolean {
  const leastMs = 1;
  return kernel32!.WaitNamedPipeW(wide(name), leastMs) !== 0;
}

const GENERIC_READ = 0x80000000;
const OPEN_EXISTING = 3;
const FILE_ATTRIBUTE_NORMAL = 0x80;
const ERROR_SHARING_VIOLATION = 32;

/**
 * Whether anybody has a file open: then it cannot be opened for oneself alone. To ask the handles that a
 * process has could wake those who wait for a pipe.
 */
function isOpen(path: string): boolean {
  const { CloseHandle, CreateFileW } = windows();
  const alone = 0;
  const handle = CreateFileW(
    wide(path),
    GENERIC_READ,
    alone,
    null,
    OPEN_EXISTING,
    FILE_ATTRIBUTE_NORMAL,
    0n,
  );
  const error = lastError[0];
  if (handle !== -1) CloseHandle(BigInt(handle));
  return handle === -1 && error === ERROR_SHARING_VIOLATION;
}

/** The file of that path, or those in the folder of that path, that are open. */
export function openFiles(path: string): string[] {
  const [file] = [path].filter(isOpen);
  if (file !== undefined) return [file];
  try {
    return Array.from(Deno.readDirSync(path), ({ name }) => `${path}\\${name}`).filter(isOpen);
  } catch {
    return []; // it is no folder
  }
}

/** Where the addresses of a program end. */
export const ADDRESSES_END = 0x7FFF_FFFE_0000;

/** Where each view of a file begins, and the path of its file from the drive on. */
export function viewsOfFiles(): { readonly start: number; readonly path: string }[] {
  const name = newStruct(2048);
  const found = [];
  for (let at = 0x10000; at < ADDRESSES_END;) {
    const { start, end, allocation, isView } = areaAt(at);
    at = end;
    if (!isView || start !== allocation) continue;
    const pointer = pointerFrom(BigInt(start));
    const length = kernel32!.K32GetMappedFileNameW(SELF, pointer, name.bytes, 1024);
    if (length > 0) found.push({ start, path: fromWide(name, length) });
  }
  return found;
}

/** How many views there are, of files and of memory. */
export function viewCount(): number {
  return piecesOf(0x10000, ADDRESSES_END).filter(({ isView }) => isView).length;
}
