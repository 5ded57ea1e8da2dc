/** Limits of the process, each in a child that sets it for itself: the error, and what is left. */

import { assertEquals } from "@std/assert";
import { factOf } from "../../ffi/platform.ts";
import { linux, proc } from "../_capabilities.ts";
import { resultOf } from "../_child.ts";
import { makeFile, makeSparseFile, withTempDir } from "../_files.ts";

const PROGRAM = new URL("_limits.ts", import.meta.url);

/** What each attempt gives, and what the process holds afterwards that it did not hold before. */
function attempt(...action: unknown[]): Promise<unknown> {
  return resultOf(PROGRAM, { args: action });
}

/** The call that finds no descriptor for anonymous memory. */
const MEMORY_CALL = factOf({ linux: "memfd_create", darwin: "open" }); // of its list of names

const NO_SPACE = ["Error", "ENOMEM", 12, "mmap"];

Deno.test(
  "MmapRegion throws ENOMEM without address space",
  proc,
  () =>
    withTempDir(async (dir) => {
      const result = await attempt("openWithoutSpace", makeSparseFile(dir, 2 ** 33));
      assertEquals(result, { results: [...Array(6).fill(NO_SPACE), "done", "done"], leaked: null });
    }),
);

Deno.test(
  "MmapRegion.attach() throws ENOMEM without address space",
  proc,
  () =>
    withTempDir(async (dir) => {
      const result = await attempt("attachWithoutSpace", makeSparseFile(dir, 2 ** 33));
      assertEquals(result, { results: [NO_SPACE, "done", "done"], leaked: null });
    }),
);

Deno.test(
  "MmapRegion.resize() throws ENOMEM without address space and keeps the region",
  proc,
  () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, 5000);
      const result = await attempt("resizeWithoutSpace", path);
      const ofMemory = factOf<unknown[]>({
        linux: NO_SPACE,
        darwin: ["NotSupported", null, null, null],
      });
      const results = [NO_SPACE, ofMemory, NO_SPACE, ...Array(3).fill("done")];
      assertEquals(result, { results, leaked: null });
      assertEquals(Deno.readFileSync(path), new Uint8Array(5000).fill(5));
    }),
);

Deno.test(
  "MmapRegion throws EMFILE without a descriptor",
  proc,
  () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, 5000);
      const result = await attempt("openWithoutDescriptor", path);
      const full = (syscall: string) => ["Error", "EMFILE", 24, syscall];
      const results = [...Array(4).fill("open"), "fcntl", MEMORY_CALL, "open"].map(full);
      assertEquals(result, { results: [...results, "done", "done"], leaked: null });
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["data.bin"]);
      assertEquals(Deno.statSync(path).size, 5000);
    }),
);

Deno.test("MmapRegion throws EMFILE after many regions and recovers", proc, async () => {
  const result = await resultOf(PROGRAM, { args: ["openMany"], ulimit: "ulimit -n 200" });
  assertEquals(result, [["EMFILE", MEMORY_CALL], true, 0]);
});

Deno.test("MmapRegion.protect() throws ENOMEM beyond the number of mappings", linux, async () => {
  const result = await resultOf(PROGRAM, { args: ["protectMany"] });
  assertEquals(result, [["Error", "ENOMEM", "mprotect"], 4096]);
});

const LOCK_LIMIT = factOf({
  linux: ["Error", "ENOMEM", 12, "mlock"],
  darwin: ["WouldBlock", "EAGAIN", 35, "mlock"],
});

/** Attempts with a file of 256 KiB, which everybody may read. */
function attemptWithFile(action: string, expected: unknown[]): Promise<void> {
  return withTempDir(async (dir) => {
    Deno.chmodSync(dir, 0o755);
    const path = makeFile(dir, 2 ** 18);
    Deno.chmodSync(path, 0o644);
    const result = await attempt(action, path);
    assertEquals(result, { results: expected, leaked: null });
  });
}

Deno.test(
  "MmapRegion with lock throws ENOMEM beyond the limit of locked memory",
  proc,
  () =>
    attemptWithFile(
      "openLocked",
      [...Array(4).fill(LOCK_LIMIT), "done", "done"],
    ),
);

Deno.test(
  "MmapRegion.lock() throws ENOMEM beyond the limit and keeps the region",
  proc,
  async () => {
    const result = await attempt("lock");
    const results = [LOCK_LIMIT, LOCK_LIMIT, "done", "done", LOCK_LIMIT, ...Array(4).fill("done")];
    assertEquals(result, { results, leaked: null });
  },
);

Deno.test(
  "MmapRegion throws EPERM or EAGAIN where nothing may be locked",
  proc,
  () =>
    attemptWithFile(
      "lockWithoutRight",
      factOf({
        linux: ["mlock", "mlock", "mlock", "mmap"].map((
          call,
        ) => ["PermissionDenied", "EPERM", 1, call]),
        darwin: Array(3).fill(LOCK_LIMIT),
      }),
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
