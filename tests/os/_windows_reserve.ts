/**
 * Reserves the space of a file on a Windows that knows FILE_ALLOCATION_INFO, which Wine does not: here it
 * does what Microsoft documents. To set less than the size of a file cuts it, unless somebody has a
 * section of it.
 */

import { assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import {
  ERROR_DISK_FULL,
  ERROR_INVALID_HANDLE,
  ERROR_USER_MAPPED_FILE,
} from "../../ffi/windows/errors.ts";
import { lastError, type Windows, windows } from "../../ffi/windows/library.ts";
import { act } from "../_act.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { handleCount } from "../_windows_holdings.ts";
import { patchWindows } from "../_windows_library.ts";

const FILE_STANDARD_INFO = 1;
const FILE_ALLOCATION_INFO = 5;

/** The open sections of files. */
const sections = new Set<bigint>();

/** Files that have no space for their length; `onReserve` comes right before it is asked for. */
function knowAllocations(path: string, onReserve: () => number): void {
  const { CloseHandle, CreateFileMappingW, GetFileInformationByHandleEx } = windows();
  const { SetFileInformationByHandle } = windows();
  const calls: Partial<Windows> = {
    CreateFileMappingW(file, ...rest): number {
      const section = CreateFileMappingW(file, ...rest);
      if (section !== 0 && file !== -1n) sections.add(BigInt(section));
      return section;
    },
    CloseHandle: (handle) => (sections.delete(handle), CloseHandle(handle)),
    GetFileInformationByHandleEx(handle, kind, bytes, byteLength): number {
      const result = GetFileInformationByHandleEx(handle, kind, bytes, byteLength);
      if (kind === FILE_STANDARD_INFO) (bytes as Uint8Array).fill(0, 0, 8);
      return result;
    },
    SetFileInformationByHandle(handle, kind, bytes, byteLength): number {
      if (kind !== FILE_ALLOCATION_INFO) {
        return SetFileInformationByHandle(handle, kind, bytes, byteLength);
      }
      if (handle === 0n) return failWith(ERROR_INVALID_HANDLE);
      const error = onReserve();
      if (error !== 0) return failWith(error);
      const wanted = Number(new DataView((bytes as Uint8Array).buffer).getBigInt64(0, true));
      if (wanted >= Deno.statSync(path).size) return 1;
      if (sections.size > 0) return failWith(ERROR_USER_MAPPED_FILE);
      Deno.truncateSync(path, wanted);
      return 1;
    },
  };
  patchWindows(calls);
}

function failWith(error: number): number {
  lastError[0] = error;
  return 0;
}

const SIZE = 5000;
const TO = 20_000;

function open(path: string): MmapRegion {
  return MmapRegion.open(path, { access: "read-write", create: true, byteLength: TO });
}

await act({
  /** Somebody appends right before the space is reserved. */
  keepWhatIsAppended(path: string): void {
    Deno.writeFileSync(path, new Uint8Array(SIZE).fill(1));
    let reserved = 0;
    knowAllocations(path, () => {
      reserved++;
      Deno.writeTextFileSync(path, "appended", { append: true });
      return 0;
    });
    open(path).close();
    assertEquals([reserved, sections.size], [1, 0]);
    const content = new TextDecoder().decode(Deno.readFileSync(path).subarray(TO));
    assertEquals(content, "appended");
  },

  /** The disk is full: the file gets its old size back. */
  takeBack(path: string): void {
    Deno.writeFileSync(path, new Uint8Array(SIZE).fill(1));
    const before = handleCount();
    knowAllocations(path, () => ERROR_DISK_FULL);
    assertThrowsSystem(() => open(path), Error, "ENOSPC", "SetFileInformationByHandle");
    assertEquals([sections.size, handleCount(), Deno.statSync(path).size], [0, before, SIZE]);
  },
});
