/** The calls on files, descriptors and names, with every error that they are documented to give. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import * as c from "@mmap/mmap/libc";
import { F_ADD_SEALS, F_SEAL_SHRINK } from "../../ffi/constants.ts";
import { libc } from "../../ffi/libc.ts";
import { statusOf } from "../../ffi/status.ts";
import { factOf } from "../../ffi/platform.ts";
import { linux } from "../_capabilities.ts";
import { resultOf } from "../_child.ts";
import { assertThrowsSystem, asSystemError, thrownBy } from "../_errors.ts";
import { makeFile, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";

/** Runs `body` with a descriptor that is closed whatever happened. */
function withFd(fd: number, body: (fd: number) => void): void {
  try {
    body(fd);
  } finally {
    c.close(fd);
  }
}

/** What a child is told that may do little. */
function toldToChild(...args: string[]): Promise<unknown> {
  return resultOf(new URL("_told.ts", import.meta.url), { args });
}

Deno.test("open() creates a file with its mode less the umask, and close() closes it", () =>
  withTempDir((dir) => {
    const path = join(dir, "new");
    const fd = c.open(path, c.O_RDWR | c.O_CREAT | c.O_EXCL | c.O_CLOEXEC, 0o640);
    const { mode, byteLength, type } = statusOf(fd);
    assertEquals([mode, byteLength, type], [0o640 & ~Deno.umask(), 0, "file"]);
    assertEquals(c.close(fd), 0);
    withFd(c.open(join(dir, "default"), c.O_RDWR | c.O_CREAT), (other) => {
      assertEquals(statusOf(other).mode, 0o666 & ~Deno.umask());
    });
  }));

Deno.test("open() with O_TRUNC empties a file, and takes a name in any script", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 100, "Ünïcode 文件");
    withFd(c.open(path, c.O_WRONLY | c.O_TRUNC), (fd) => assertEquals(statusOf(fd).byteLength, 0));
  }));

Deno.test("open() fails by class, code and path", () =>
  withTempDir((dir) => {
    const file = makeFile(dir, 1);
    Deno.symlinkSync("loop", join(dir, "loop"), { type: "file" });
    const cases: [string, number, Parameters<typeof assertThrowsSystem>[1], string][] = [
      [join(dir, "none"), c.O_RDONLY, Deno.errors.NotFound, "ENOENT"],
      [file, c.O_RDWR | c.O_CREAT | c.O_EXCL, Deno.errors.AlreadyExists, "EEXIST"],
      [dir, c.O_RDWR, Deno.errors.IsADirectory, "EISDIR"],
      [join(file, "x"), c.O_RDONLY, Deno.errors.NotADirectory, "ENOTDIR"],
      [file, c.O_RDONLY | c.O_DIRECTORY, Deno.errors.NotADirectory, "ENOTDIR"],
      [join(dir, "loop"), c.O_RDONLY, Deno.errors.FilesystemLoop, "ELOOP"],
      [join(dir, "n".repeat(256)), c.O_RDONLY, Error, "ENAMETOOLONG"],
    ];
    for (const [path, flags, type, code] of cases) {
      const error = assertThrowsSystem(() => c.open(path, flags), type, code, "open");
      assert(error.message.endsWith(`: open '${path}'`), error.message);
    }
  }));

Deno.test("open() throws TypeError EINVAL for flags, and fails for a socket", () =>
  withTempDir((dir) => {
    const O_TMPFILE = 0x400000; // must be for writing
    const invalid = factOf({ linux: O_TMPFILE | c.O_DIRECTORY, darwin: c.O_WRONLY | c.O_RDWR });
    assertThrowsSystem(() => c.open(dir, invalid), TypeError, "EINVAL", "open");
    const path = join(dir, "socket");
    using _socket = Deno.listen({ transport: "unix", path });
    const [type, code] = factOf({
      linux: [Error, "ENXIO"] as const,
      darwin: [Deno.errors.NotSupported, "EOPNOTSUPP"] as const,
    });
    assertThrowsSystem(() => c.open(path, c.O_RDWR), type, code, "open");
  }));

Deno.test({
  name: "open() throws ETXTBSY for a program that runs",
  ignore: linux.ignore, // macOS lets it be written to
  fn(): void {
    assertThrowsSystem(() => c.open(Deno.execPath(), c.O_WRONLY), Error, "ETXTBSY", "open");
  },
});

Deno.test("open() throws PermissionDenied EACCES for a user without rights", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 1);
    Deno.chmodSync(path, 0o400);
    Deno.chmodSync(dir, 0o755);
    const result = await toldToChild("openAsNobody", path);
    assertEquals(result, ["PermissionDenied", "EACCES", "open"]);
  }));

Deno.test("open(), memfd_create() and shm_open() throw EMFILE when no descriptor is left", async () => {
  const memfd = factOf({
    linux: ["Error", "EMFILE", "memfd_create"],
    darwin: ["NotSupported", "ENOSYS", "memfd_create"],
  });
  assertEquals(await toldToChild("openWithoutDescriptors"), [
    ["Error", "EMFILE", "open"],
    memfd,
    ["Error", "EMFILE", "shm_open"],
  ]);
});

Deno.test("close() throws EBADF for a descriptor that is not open", () => {
  assertThrowsSystem(() => c.close(-1), Error, "EBADF", "close");
});

Deno.test("ftruncate() sets a size, as number or bigint; what is gained reads as zeros", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, Uint8Array.of(1, 2, 3, 4));
    withFd(c.open(path, c.O_RDWR), (fd) => {
      assertEquals(c.ftruncate(fd, 2), 0);
      assertEquals(c.ftruncate(fd, 6n), 0);
    });
    assertEquals(Deno.readFileSync(path), Uint8Array.of(1, 2, 0, 0, 0, 0));
  }));

Deno.test("ftruncate() throws TypeError EINVAL, and EBADF", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 1);
    withFd(c.open(path, c.O_RDWR), (fd) => {
      assertThrowsSystem(() => c.ftruncate(fd, -1), TypeError, "EINVAL", "ftruncate");
    });
    withFd(c.open(path, c.O_RDONLY), (fd) => {
      assertThrowsSystem(() => c.ftruncate(fd, 0), TypeError, "EINVAL", "ftruncate");
    });
    assertThrowsSystem(() => c.ftruncate(-1, 0), Error, "EBADF", "ftruncate");
  }));

Deno.test({
  name: "ftruncate() throws PermissionDenied EPERM where a seal forbids it",
  ignore: linux.ignore,
  fn(): void {
    withFd(c.memfd_create("sealed", c.MFD_ALLOW_SEALING), (fd) => {
      c.ftruncate(fd, 4096);
      libc().fcntl(fd, F_ADD_SEALS, BigInt(F_SEAL_SHRINK));
      const shrink = (): unknown => c.ftruncate(fd, 0);
      assertThrowsSystem(shrink, Deno.errors.PermissionDenied, "EPERM", "ftruncate");
      c.ftruncate(fd, 8192);
    });
  },
});

Deno.test("ftruncate() throws EFBIG beyond the limit of file sizes, and there is no signal", () =>
  withTempDir(async (dir) => {
    const result = await toldToChild("growBeyondTheLimit", makeFile(dir, 1));
    assertEquals(result, [["Error", "EFBIG", "ftruncate"], 0]);
  }));

Deno.test("shm_open() makes an object of that mode, opens it again, shm_unlink() removes it", () => {
  const name = `/mmap_test_${crypto.randomUUID().slice(0, 8)}`;
  const flags = c.O_RDWR | c.O_CREAT | c.O_EXCL;
  // macOS has no umask for it, and whole pages.
  const mode = factOf({ linux: 0o600 & ~Deno.umask(), darwin: 0o600 });
  const byteLength = factOf({ linux: 10, darwin: PAGE });
  withFd(c.shm_open(name, flags), (fd) => {
    try {
      c.ftruncate(fd, 10);
      assertEquals(statusOf(fd).mode, mode);
      withFd(c.shm_open(name, c.O_RDONLY), (again) => {
        assertEquals(statusOf(again).byteLength, byteLength);
      });
      const again = (): unknown => c.shm_open(name, flags);
      assertThrowsSystem(again, Deno.errors.AlreadyExists, "EEXIST", "shm_open");
    } finally {
      assertEquals(c.shm_unlink(name), 0);
    }
    assertEquals(statusOf(fd).byteLength, byteLength); // the memory lives on
  });
  const gone = (): unknown => c.shm_open(name, c.O_RDWR);
  assertThrowsSystem(gone, Deno.errors.NotFound, "ENOENT", "shm_open");
  assertThrowsSystem(() => c.shm_unlink(name), Deno.errors.NotFound, "ENOENT", "shm_unlink");
});

Deno.test("shm_open() throws TypeError EINVAL for what is no name, ENAMETOOLONG for a long one", () => {
  for (const name of factOf({ linux: ["/a/b", ""], darwin: [""] })) {
    assertThrowsSystem(() => c.shm_open(name, c.O_RDWR), TypeError, "EINVAL", "shm_open");
  }
  const long = asSystemError(thrownBy(() => c.shm_open("/" + "n".repeat(256), c.O_RDWR)));
  assertEquals(long.syscall, "shm_open");
  assert(["ENAMETOOLONG", "EINVAL"].includes(long.code), long.code); // glibc has said either
});

Deno.test({
  name: "shm_open() and shm_unlink() throw PermissionDenied EACCES for another user's object",
  ignore: Deno.uid() !== 0,
  async fn(): Promise<void> {
    const name = `/mmap_test_${crypto.randomUUID().slice(0, 8)}`;
    c.close(c.shm_open(name, c.O_RDWR | c.O_CREAT | c.O_EXCL));
    try {
      assertEquals(await toldToChild("useNameAsNobody", name), [
        ["PermissionDenied", "EACCES", "shm_open"],
        ["PermissionDenied", "EACCES", "shm_unlink"],
      ]);
    } finally {
      c.shm_unlink(name);
    }
  },
});

Deno.test({
  name: "memfd_create() makes an empty file that is named in /proc",
  ignore: linux.ignore,
  fn(): void {
    withFd(c.memfd_create("some label", c.MFD_CLOEXEC), (fd) => {
      assertEquals(statusOf(fd).byteLength, 0);
      assertEquals(Deno.readLinkSync(`/proc/self/fd/${fd}`), "/memfd:some label (deleted)");
    });
    withFd(c.memfd_create("n".repeat(249), 0), () => {});
  },
});

Deno.test({
  name: "memfd_create() throws TypeError EINVAL for unknown flags and too long a name",
  ignore: linux.ignore,
  fn(): void {
    const calls = [
      () => c.memfd_create("x", 0x40000000),
      () => c.memfd_create("n".repeat(250), 0),
    ];
    for (const call of calls) assertThrowsSystem(call, TypeError, "EINVAL", "memfd_create");
  },
});

Deno.test("sysconf() answers what it is asked, and throws TypeError EINVAL for unknown names", () => {
  const page = c.sysconf(c._SC_PAGESIZE);
  assert(page >= 4096 && Number.isInteger(Math.log2(page)));
  assert(c.sysconf(c._SC_NPROCESSORS_ONLN) >= 1);
  assertThrowsSystem(() => c.sysconf(-1), TypeError, "EINVAL", "sysconf");
});

Deno.test("open() does not take a path with a NUL for a shorter one", () => {
  assertThrows(() => c.open("/dev/null\0x", c.O_RDONLY), TypeError, "contains a NUL");
});
