/** Limits of the process, each in a child that sets it for itself: the error, and what is left. */

import { assertEquals } from "@std/assert";
import { resultOf } from "../_child.ts";
import { makeFile, makeSparseFile, withTempDir } from "../_files.ts";

const ignore = Deno.build.os !== "linux"; // the numbers of the limits are Linux's

const PROGRAM = new URL("_limits.ts", import.meta.url);

/** What each attempt gives, and what the process holds afterwards that it did not hold before. */
function attempt(...action: unknown[]): Promise<unknown> {
  return resultOf(PROGRAM, { args: action });
}

const NO_SPACE = ["Error", "ENOMEM", 12, "mmap"];

Deno.test(
  "MmapRegion throws ENOMEM without address space",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      const result = await attempt("openWithoutSpace", makeSparseFile(dir, 2 ** 33));
      assertEquals(result, { results: [...Array(6).fill(NO_SPACE), "done", "done"], leaked: null });
    }),
);

Deno.test(
  "MmapRegion.attach() throws ENOMEM without address space",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      const result = await attempt("attachWithoutSpace", makeSparseFile(dir, 2 ** 33));
      assertEquals(result, { results: [NO_SPACE, "done", "done"], leaked: null });
    }),
);

Deno.test("MmapRegion.resize() throws ENOMEM without address space and keeps the region", {
  ignore,
}, () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 5000);
    const result = await attempt("resizeWithoutSpace", path);
    const results = [...Array(3).fill(NO_SPACE), ...Array(3).fill("done")];
    assertEquals(result, { results, leaked: null });
    assertEquals(Deno.readFileSync(path), new Uint8Array(5000).fill(5));
  }));

Deno.test(
  "MmapRegion throws EMFILE without a descriptor",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, 5000);
      const result = await attempt("openWithoutDescriptor", path);
      const full = (syscall: string) => ["Error", "EMFILE", 24, syscall];
      const results = [...Array(4).fill("open"), "fcntl", "memfd_create", "open"].map(full);
      assertEquals(result, { results: [...results, "done", "done"], leaked: null });
      assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["data.bin"]);
      assertEquals(Deno.statSync(path).size, 5000);
    }),
);

Deno.test("MmapRegion throws EMFILE after many regions and recovers", { ignore }, async () => {
  const result = await resultOf(PROGRAM, { args: ["openMany"], ulimit: "ulimit -n 200" });
  assertEquals(result, [["EMFILE", "memfd_create"], true, 0]);
});

Deno.test("MmapRegion.protect() throws ENOMEM beyond the number of mappings", {
  ignore,
}, async () => {
  const result = await resultOf(PROGRAM, { args: ["protectMany"] });
  assertEquals(result, [["Error", "ENOMEM", "mprotect"], 4096]);
});

const LOCK_LIMIT = ["Error", "ENOMEM", 12, "mlock"];

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
  { ignore },
  () =>
    attemptWithFile(
      "openLocked",
      [...Array(4).fill(LOCK_LIMIT), "done", "done"],
    ),
);

Deno.test("MmapRegion.lock() throws ENOMEM beyond the limit and keeps the region", {
  ignore,
}, async () => {
  const result = await attempt("lock");
  const results = [LOCK_LIMIT, LOCK_LIMIT, "done", "done", LOCK_LIMIT, ...Array(4).fill("done")];
  assertEquals(result, { results, leaked: null });
});

Deno.test("MmapRegion throws EPERM where nothing may be locked", { ignore }, () =>
  attemptWithFile(
    "lockWithoutRight",
    ["mlock", "mlock", "mmap", "mlock"].map((syscall) => ["PermissionDenied", "EPERM", 1, syscall]),
  ));

Deno.test(
  "MmapRegion.open() with MAP_LOCKED throws EAGAIN beyond the limit",
  { ignore },
  () =>
    attemptWithFile(
      "openByLockedFlag",
      [["WouldBlock", "EAGAIN", 11, "mmap"], "done"],
    ),
);
