/** A library of Windows whose calls fail, or come at a moment that a test chooses. */

import { addressOf } from "../ffi/memory.ts";
import { wide, type Windows, windows } from "../ffi/windows/library.ts";
import { system } from "../src/os/mod.ts";
import { patch, withPatch } from "./_patch.ts";

/** A test that Windows alone has. */
export function onWindows(name: string, fn: () => void | Promise<void>): void {
  if (system().name === "windows") Deno.test(`on Windows, ${name}`, fn);
}

/** Puts other functions in the loaded library's table. @returns what puts the real ones back */
export function patchWindows(replacement: Partial<Windows>): () => void {
  return patch(windows(), replacement);
}

/** Runs `body` with other functions in the table. */
export function withWindows(
  replacement: Partial<Windows>,
  body: () => void | Promise<void>,
): Promise<void> {
  return withPatch(windows(), replacement, body);
}

const PAGE = 4096n;

/** The addresses of the pages that a range touches. */
export function pagesOf(pointer: Deno.PointerValue, byteLength: bigint): Set<bigint> {
  const start = addressOf(pointer);
  const pages = new Set<bigint>();
  for (let at = start - start % PAGE; at < start + byteLength; at += PAGE) pages.add(at);
  return pages;
}

/** Which pages the module has had locked, which not every Windows tells. */
export interface LockedPages extends Disposable {
  has(address: bigint): boolean;
}

/** Watches the calls that lock pages, until it is disposed of, and has Windows tell what is locked. */
export function watchLocks(): LockedPages {
  const { K32QueryWorkingSetEx, VirtualFree, VirtualLock, VirtualUnlock } = windows();
  let locked = new Set<bigint>();
  const LOCKED = 1 << 22;
  const restore = patchWindows({
    K32QueryWorkingSetEx(process, entries, byteLength): number {
      const result = K32QueryWorkingSetEx(process, entries, byteLength);
      const view = new DataView((entries as Uint8Array).buffer);
      for (let at = 0; at < byteLength; at += 16) {
        const bits = view.getUint32(at + 8, true) & ~LOCKED;
        const isLocked = locked.has(view.getBigUint64(at, true));
        view.setUint32(at + 8, bits | (isLocked ? LOCKED : 0), true);
      }
      return result;
    },
    VirtualLock(pointer, byteLength): number {
      const result = VirtualLock(pointer, byteLength);
      if (result !== 0) locked = locked.union(pagesOf(pointer, byteLength));
      return result;
    },
    VirtualFree(pointer, byteLength, type): number {
      locked = locked.difference(pagesOf(pointer, byteLength));
      return VirtualFree(pointer, byteLength, type);
    },
    VirtualUnlock(pointer, byteLength): number {
      locked = locked.difference(pagesOf(pointer, byteLength));
      return VirtualUnlock(pointer, byteLength);
    },
  });
  return { has: (address) => locked.has(address - address % PAGE), [Symbol.dispose]: restore };
}

/** A view of a whole file that the module knows nothing of. The file stays open until the process ends. */
export function viewOfFile(path: string): Deno.PointerObject {
  const { CreateFileMappingW, CreateFileW, MapViewOfFile } = windows();
  const access = 0xC0000000; // GENERIC_READ, GENERIC_WRITE
  const [SHARED, OPEN_EXISTING, PAGE_READWRITE, FILE_MAP_WRITE] = [7, 3, 4, 2];
  const file = CreateFileW(wide(path), access, SHARED, null, OPEN_EXISTING, 0, 0n);
  const section = CreateFileMappingW(BigInt(file), null, PAGE_READWRITE, 0, 0, null);
  return MapViewOfFile(BigInt(section), FILE_MAP_WRITE, 0, 0, 0n)!;
}
