/** Limits of the process, each in a child that sets it for itself: the error, and what is left. */

import { assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { factOf } from "../../ffi/platform.ts";
import { holdings, linux } from "../_capabilities.ts";
import { resultOf } from "../_child.ts";
import { NO_ADDRESSES } from "../_errors.ts";
import { makeFile, makeSparseFile, withTempDir } from "../_files.ts";

const PROGRAM = new URL("_limits.ts", import.meta.url);

/** What each attempt gives, and what the process holds afterwards that it did not hold before. */
function attempt(...action: unknown[]): Promise<unknown> {
  return resultOf(PROGRAM, { args: action });
}

/** The call that finds no descriptor for anonymous memory. */
const MEMORY_CALL = Deno.build.os === "windows"
  ? "CreateFileMappingW"
  : factOf({ linux: "memfd_create", darwin: "open" }); // of its list of names

const IS_WINDOWS = Deno.build.os === "windows";

/** Those that take a descriptor are not made on Windows. */
const OPENED = IS_WINDOWS ? 5 : 6;

Deno.test(
  "MmapRegion throws ENOMEM without address space",
  holdings,
  () =>
    withTempDir(async (dir) => {
      const result = await attempt("openWithoutSpace", makeSparseFile(dir, 2 ** 33));
      assertEquals(result, {
        results: [...Array(OPENED).fill(NO_ADDRESSES), "done", "done"],
        leaked: null,
      });
    }),
);

Deno.test(
  "MmapRegion.attach() throws ENOMEM without address space",
  holdings,
  () =>
    withTempDir(async (dir) => {
      const result = await attempt("attachWithoutSpace", makeSparseFile(dir, 2 ** 33));
      assertEquals(result, { results: [NO_ADDRESSES, "done", "done"], leaked: null });
    }),
);

Deno.test(
  "MmapRegion.resize() throws ENOMEM without address space and keeps the region",
  holdings,
  () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, 5000);
      const result = await attempt("resizeWithoutSpace", path);
      // Elsewhere memory cannot grow so far at all.
      const ofMemory = linux.ignore ? ["NotSupported", null, null, null] : NO_ADDRESSES;
      const results = [NO_ADDRESSES, ofMemory, NO_ADDRESSES, ...Array(3).fill("done")];
      assertEquals(result, { results, leaked: null });
      // On Windows nobody can take back what was added to a file that is mapped.
      if (!IS_WINDOWS) assertEquals(Deno.statSync(path).size, 5000);
      using file = MmapRegion.open(path, { byteLength: 5000 });
      assertEquals(file.bytes, new Uint8Array(5000).fill(5));
    }),
);

Deno.test(
  "MmapRegion throws EMFILE without a descriptor",
  holdings,
  () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, 5000);
      const result = await attempt("openWithoutDescriptor", path);
      const full = (syscall: string) => ["Error", "EMFILE", IS_WINDOWS ? 4 : 24, syscall];
      const calls = IS_WINDOWS
        ? [...Array(4).fill("CreateFileW"), MEMORY_CALL, "CreateFileW"]
        : [...Array(4).fill("open"), "fcntl", MEMORY_CALL, "open"];
      const results = calls.map(full);
      assertEquals(result, { results: [...results, "done", "done"], leaked: null });
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["data.bin"]);
      assertEquals(Deno.statSync(path).size, 5000);
    }),
);

Deno.test("MmapRegion throws EMFILE after many regions and recovers", holdings, async () => {
  const limit = IS_WINDOWS ? {} : { ulimit: "ulimit -n 200" };
  const result = await resultOf(PROGRAM, { args: ["openMany"], ...limit });
  assertEquals(result, [["EMFILE", MEMORY_CALL], true, 0]);
});

Deno.test("MmapRegion.protect() throws ENOMEM beyond the number of mappings", linux, async () => {
  const result = await resultOf(PROGRAM, { args: ["protectMany"] });
  assertEquals(result, [["Error", "ENOMEM", "mprotect"], 4096]);
});

const LOCK_LIMIT = IS_WINDOWS ? ["WouldBlock", "EAGAIN", 1453, "VirtualLock"] : factOf({
  linux: ["Error", "ENOMEM", 12, "mlock"],
  darwin: ["WouldBlock", "EAGAIN", 35, "mlock"],
});

/** Attempts with a file of 256 KiB, which everybody may read. */
function attemptWithFile(action: string, expected: unknown[]): Promise<void> {
  return withTempDir(async (dir) => {
    const path = makeFile(dir, 2 ** 18);
    if (!IS_WINDOWS) {
      Deno.chmodSync(dir, 0o755);
      Deno.chmodSync(path, 0o644);
    }
    const result = await attempt(action, path);
    assertEquals(result, { results: expected, leaked: null });
  });
}

Deno.test(
  "MmapRegion with lock throws ENOMEM beyond the limit of locked memory",
  holdings,
  () =>
    attemptWithFile(
      "openLocked",
      [...Array(4).fill(LOCK_LIMIT), "done", "done"],
    ),
);

Deno.test(
  "MmapRegion.lock() throws ENOMEM beyond the limit and keeps the region",
  holdings,
  async () => {
    const result = await attempt("lock");
    const results = [LOCK_LIMIT, LOCK_LIMIT, "done", "done", LOCK_LIMIT, ...Array(4).fill("done")];
    assertEquals(result, { results, leaked: null });
  },
);

Deno.test(
  "MmapRegion throws EPERM or EAGAIN where nothing may be locked",
  holdings,
  () =>
    attemptWithFile(
      "lockWithoutRight",
      linux.ignore ? Array(3).fill(LOCK_LIMIT) : ["mlock", "mlock", "mlock", "mmap"].map((
        call,
      ) => ["PermissionDenied", "EPERM", 1, call]),
    ),
);

Deno.test(
  "MmapRegion.open() with MAP_LOCKED throws EAGAIN beyond the limit",
  linux,
  () =>
    attemptWithFile(
      "openByLockedFlag",
      [["WouldBlock", "EAGAIN", 11, "mmap"], "done"],
    ),
);
