/**
 * Limits of this process on Windows, where a program cannot set its own: from now on the library's calls
 * fail as they do at such a limit.
 */

import { ERROR_NOT_ENOUGH_MEMORY, ERROR_WORKING_SET_QUOTA } from "../ffi/windows/errors.ts";
import { lastError, type Windows, windows } from "../ffi/windows/library.ts";
import { pagesOf, patchWindows } from "./_windows_library.ts";

const ERROR_TOO_MANY_OPEN_FILES = 4;
const PAGE = 4096;

function failWith<T>(error: number, result: T): T {
  lastError[0] = error;
  return result;
}

/** No more addresses at once than so many bytes. */
export function limitAddresses(byteLength: number): void {
  const { VirtualAlloc2 } = windows();
  patchWindows({
    VirtualAlloc2: (process, address, wanted, ...rest) =>
      wanted > BigInt(byteLength)
        ? failWith(ERROR_NOT_ENOUGH_MEMORY, null)
        : VirtualAlloc2(process, address, wanted, ...rest),
  });
}

/** No more handles than so many beyond those that are open. @returns what takes the limit back */
export function limitHandles(count: number): () => void {
  const { CloseHandle, CreateFileMappingW, CreateFileW, DuplicateHandle, OpenFileMappingW } =
    windows();
  let open = 0;
  const isFull = (): boolean => open >= count;
  const opened = (handle: number): number => {
    if (handle !== 0 && handle !== -1) open++;
    return handle;
  };
  return patchWindows({
    CloseHandle: (handle) => (open--, CloseHandle(handle)),
    CreateFileMappingW: (...args) =>
      isFull() ? failWith(ERROR_TOO_MANY_OPEN_FILES, 0) : opened(CreateFileMappingW(...args)),
    CreateFileW: (...args) =>
      isFull() ? failWith(ERROR_TOO_MANY_OPEN_FILES, -1) : opened(CreateFileW(...args)),
    DuplicateHandle: (...args) =>
      isFull() ? failWith(ERROR_TOO_MANY_OPEN_FILES, 0) : opened(DuplicateHandle(...args)),
    OpenFileMappingW: (...args) =>
      isFull() ? failWith(ERROR_TOO_MANY_OPEN_FILES, 0) : opened(OpenFileMappingW(...args)),
  });
}

/** No more locked pages than so many bytes have, and a working set that cannot grow. */
export function limitLocked(byteLength: number): void {
  const { UnmapViewOfFile, VirtualFree, VirtualLock, VirtualUnlock } = windows();
  let locked = new Set<bigint>();
  // What is unmapped is locked no more; nothing of these tests is still locked then.
  const forgetting = <T>(result: T): T => (locked.clear(), result);
  const calls: Partial<Windows> = {
    SetProcessWorkingSetSize: () => 0,
    VirtualLock(pointer, length): number {
      const all = locked.union(pagesOf(pointer, length));
      if (all.size * PAGE > byteLength) return failWith(ERROR_WORKING_SET_QUOTA, 0);
      locked = all;
      return VirtualLock(pointer, length);
    },
    VirtualUnlock(pointer, length): number {
      locked = locked.difference(pagesOf(pointer, length));
      return VirtualUnlock(pointer, length);
    },
    UnmapViewOfFile: (view) => forgetting(UnmapViewOfFile(view)),
    VirtualFree: (...args) => forgetting(VirtualFree(...args)),
  };
  patchWindows(calls);
}
