/** Calls of Windows that fail for a while, or at a moment when somebody else acts. */

import { assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { ERROR_LOCK_VIOLATION, ERROR_NOACCESS } from "../../ffi/windows/errors.ts";
import { lastError, type Windows, windows } from "../../ffi/windows/library.ts";
import { system } from "../../src/os/mod.ts";
import { withTempDir } from "../_files.ts";
import { onWindows, withWindows } from "../_windows_library.ts";

const ERROR_NO_SYSTEM_RESOURCES = 1450;
const WAIT_FAILED = 0xffffffff;

onWindows(
  "a holder that cannot be asked whether it lives is not dead",
  () =>
    withTempDir(async (dir) => {
      const { objects, tokens } = system();
      const object = objects.create(`${dir}/file`, {
        writable: true,
        mode: 0o600,
        allow: undefined,
      });
      assertEquals(tokens!.isHeld(object, 7, 7), false);
      const fails = { OpenMutexW: () => (lastError[0] = ERROR_NO_SYSTEM_RESOURCES, 0) };
      await withWindows(fails, () => assertEquals(tokens!.isHeld(object, 7, 7), true));
      const handle = windows().CreateEventW(null, 0, 0, null);
      const isStuck = { OpenMutexW: () => handle, WaitForSingleObject: () => WAIT_FAILED };
      await withWindows(isStuck, () => assertEquals(tokens!.isHeld(object, 7, 7), true));
      objects.close(object);
    }),
);

/** Has somebody else act when memory is committed for the first time. */
function atFirstCommit(act: () => void): Partial<Windows> {
  const { VirtualAlloc } = windows();
  let done = false;
  return {
    VirtualAlloc: (...args) => {
      if (!done) {
        done = true;
        act();
      }
      return VirtualAlloc(...args);
    },
  };
}

onWindows("memory that somebody else makes longer still does not get shorter again", async () => {
  using region = MmapRegion.anonymous(4096, { reserve: 65536 });
  using other = MmapRegion.attach(region.handle());
  const grow = atFirstCommit(() => {
    other.resize(3 * 4096);
    other.bytes[2 * 4096] = 7;
  });
  await withWindows(grow, () => region.resize(2 * 4096));
  assertEquals([region.byteLength, other.byteLength], [2 * 4096, 3 * 4096]);
  using third = MmapRegion.attach(other.handle());
  assertEquals([third.byteLength, third.bytes[2 * 4096]], [3 * 4096, 7]);
});

onWindows(
  "a flush is tried again while Windows writes the same pages back",
  () =>
    withTempDir(async (dir) => {
      using region = MmapRegion.open(`${dir}/file`, {
        access: "read-write",
        create: true,
        byteLength: 4096,
      });
      const { FlushViewOfFile } = windows();
      let left = 0;
      const busy: Partial<Windows> = {
        FlushViewOfFile: (...args) =>
          left-- > 0 ? (lastError[0] = ERROR_LOCK_VIOLATION, 0) : FlushViewOfFile(...args),
        flushViewOffThread: () => Promise.resolve(0),
      };
      await withWindows(busy, async () => {
        left = 5;
        region.flushSync();
        assertEquals(left, -1);
        left = 5;
        await region.flush();
        assertEquals(left, -1);
      });
      const broken: Partial<Windows> = {
        FlushViewOfFile: () => (lastError[0] = ERROR_NOACCESS, 0),
        flushViewOffThread: () => Promise.resolve(0),
      };
      await withWindows(broken, async () => {
        const error = await region.flush().then(() => undefined, (error) => error);
        assertEquals(error.errno, ERROR_NOACCESS);
      });
    }),
);
