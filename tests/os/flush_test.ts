/** Writing back: which calls are made, and what is told when one fails. */

import { MmapRegion } from "@mmap/mmap";
import { MS_ASYNC, MS_SYNC } from "@mmap/mmap/libc";
import { assertEquals } from "@std/assert";
import { F_FULLFSYNC } from "../../ffi/constants.ts";
import { libc } from "../../ffi/libc.ts";
import type { Range } from "../../ffi/memory.ts";
import { factOf } from "../../ffi/platform.ts";
import { lastError, windows } from "../../ffi/windows/library.ts";
import { system } from "../../src/os/mod.ts";
import * as posix from "../../src/os/posix/pages.ts";
import type { Durability, OpenObject } from "../../src/os/system.ts";
import { assertSystemError, assertThrowsSystem } from "../_errors.ts";
import { makeFile, withTempDir } from "../_files.ts";
import { withLibc } from "../_libc.ts";
import { PAGE } from "../_pages.ts";
import { patchWindows } from "../_windows_library.ts";

const ERROR_IO_DEVICE = 1117;
const IS_WINDOWS = Deno.build.os === "windows";
const { flush, flushOffThread } = IS_WINDOWS ? system().memory : posix;

const DURABILITIES: Durability[] = ["memory", "data", "disk"];
const NOWHERE: Range = { pointer: Deno.UnsafePointer.create(2n ** 56n)!, byteLength: PAGE };
const NOT_OPEN = -1 as OpenObject;

/** Runs `body` with a page of a file, and the file. */
async function withPage(body: (page: Range, object: OpenObject) => unknown): Promise<void> {
  await withTempDir(async (dir) => {
    using region = MmapRegion.open(makeFile(dir, PAGE), { access: "read-write" });
    const pointer = Deno.UnsafePointer.of(region.bytes)!;
    await body({ pointer, byteLength: PAGE }, region.handle().fd as OpenObject);
  });
}

/** Windows' calls, and those that fail as where a disk does. */
const windowsCalls = {
  writesBack(page: Range, object: OpenObject): void {
    const { FlushFileBuffers, FlushViewOfFile } = windows();
    const calls: unknown[] = [];
    const restore = patchWindows({
      FlushViewOfFile: (at, length) => (calls.push(length), FlushViewOfFile(at, length)),
      FlushFileBuffers: (handle) => (calls.push("file"), FlushFileBuffers(handle)),
    });
    const perDurability = DURABILITIES.map((durability) => {
      calls.length = 0;
      flush(page, durability, object);
      return [...calls];
    });
    restore();
    assertEquals(perDurability, [[], [BigInt(PAGE)], [BigInt(PAGE), "file"]]);
  },
  fails(page: Range, object: OpenObject): void {
    const failing = () => (lastError[0] = ERROR_IO_DEVICE, 0);
    const restore = patchWindows({ FlushViewOfFile: failing });
    for (const durability of ["data", "disk"] as const) {
      const failed = () => flush(page, durability, object);
      assertThrowsSystem(failed, Error, "EIO", "FlushViewOfFile");
    }
    flush(page, "memory", object);
    restore();
    const notOpen = () => flush(page, "disk", NOT_OPEN);
    assertThrowsSystem(notOpen, Error, "EBADF", "FlushFileBuffers");
    flush(page, "data", NOT_OPEN);
  },
  async failsOffThread(page: Range, object: OpenObject): Promise<void> {
    assertEquals(await flushOffThread(page, "disk", object), undefined);
    const restore = patchWindows({
      flushViewOffThread: () => Promise.resolve(0),
      FlushViewOfFile: () => (lastError[0] = ERROR_IO_DEVICE, 0),
    });
    const failed = await flushOffThread(page, "data", object);
    restore();
    assertSystemError(failed, Error, "EIO", "FlushViewOfFile");
    const notOpen = await flushOffThread(page, "disk", NOT_OPEN);
    assertSystemError(notOpen, Error, "EBADF", "FlushFileBuffers");
  },
};

Deno.test("flush() writes back as far as the durability says", () =>
  withPage((page, object) => {
    if (IS_WINDOWS) return windowsCalls.writesBack(page, object);
    const { msync, fsync, fcntl } = libc();
    const calls: unknown[] = [];
    return withLibc({
      msync: (...args) => (calls.push(["msync", args[2]]), msync(...args)),
      fsync: (fd) => (calls.push("fsync"), fsync(fd)),
      fcntl: (...args) => (calls.push(["fcntl", args[1]]), fcntl(...args)),
    }, () => {
      for (const durability of DURABILITIES) flush(page, durability, object);
      assertEquals(calls, [
        ["msync", MS_ASYNC],
        ["msync", MS_SYNC],
        ["msync", MS_SYNC],
        factOf<unknown>({ linux: "fsync", darwin: ["fcntl", F_FULLFSYNC] }),
      ]);
    });
  }));

Deno.test("flush() throws the error of msync, and of fsync", () =>
  withPage((page, object) => {
    if (IS_WINDOWS) return windowsCalls.fails(page, object);
    for (const durability of DURABILITIES) {
      const nowhere = () => flush(NOWHERE, durability, undefined);
      assertThrowsSystem(nowhere, Error, "ENOMEM", "msync");
    }
    const notOpen = () => flush(page, "disk", NOT_OPEN);
    assertThrowsSystem(notOpen, Error, "EBADF", "fsync");
    flush(page, "data", NOT_OPEN);
  }));

Deno.test("flushOffThread() tells EIO of a call that failed", () =>
  withPage(async (page, object) => {
    if (IS_WINDOWS) return windowsCalls.failsOffThread(page, object);
    assertEquals(await flushOffThread(page, "disk", object), undefined);
    assertSystemError(await flushOffThread(NOWHERE, "data", object), Error, "EIO", "msync");
    assertSystemError(await flushOffThread(page, "disk", NOT_OPEN), Error, "EIO", "fsync");
  }));
