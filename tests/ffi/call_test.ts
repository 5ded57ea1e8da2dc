/** From return conventions to exceptions: classes, codes and words. */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  checkCount,
  checkErrno,
  checkPointer,
  checkZero,
  isSystemError,
  newSystemError,
  required,
  retryInterrupted,
  systemError,
} from "../../ffi/call.ts";
import { errnoName } from "../../ffi/errno.ts";
import { libc, threadErrno } from "../../ffi/libc.ts";
import { factOf } from "../../ffi/platform.ts";
import { close, open } from "@mmap/mmap/libc";
import * as constants from "../../ffi/constants.ts";
import { assertThrowsSystem, asSystemError, thrownBy } from "../_errors.ts";
import { withTempDir } from "../_files.ts";

/** The class that the public API promises for each error, by its number on this system. */
const CLASSES: [number, string, new (message: string) => Error][] = [
  [1, "EPERM", Deno.errors.PermissionDenied],
  [2, "ENOENT", Deno.errors.NotFound],
  [4, "EINTR", Deno.errors.Interrupted],
  [5, "EIO", Error],
  [9, "EBADF", Error],
  [factOf({ linux: 11, darwin: 35 }), "EAGAIN", Deno.errors.WouldBlock],
  [12, "ENOMEM", Error],
  [13, "EACCES", Deno.errors.PermissionDenied],
  [14, "EFAULT", Error],
  [16, "EBUSY", Deno.errors.Busy],
  [17, "EEXIST", Deno.errors.AlreadyExists],
  [19, "ENODEV", Error],
  [20, "ENOTDIR", Deno.errors.NotADirectory],
  [21, "EISDIR", Deno.errors.IsADirectory],
  [22, "EINVAL", TypeError],
  [24, "EMFILE", Error],
  [28, "ENOSPC", Error],
  [32, "EPIPE", Deno.errors.BrokenPipe],
  [factOf({ linux: 38, darwin: 78 }), "ENOSYS", Deno.errors.NotSupported],
  [factOf({ linux: 40, darwin: 62 }), "ELOOP", Deno.errors.FilesystemLoop],
  [factOf({ linux: 95, darwin: 102 }), "EOPNOTSUPP", Deno.errors.NotSupported],
  [factOf({ linux: 98, darwin: 48 }), "EADDRINUSE", Deno.errors.AddrInUse],
  [factOf({ linux: 104, darwin: 54 }), "ECONNRESET", Deno.errors.ConnectionReset],
  [factOf({ linux: 110, darwin: 60 }), "ETIMEDOUT", Deno.errors.TimedOut],
  [factOf({ linux: 111, darwin: 61 }), "ECONNREFUSED", Deno.errors.ConnectionRefused],
];

Deno.test("systemError() is of Deno's class for the error number", () => {
  for (const [errno, code, type] of CLASSES) {
    const error = systemError(errno, "mmap");
    assertStrictEquals(error.constructor, type, code);
    assertEquals([error.code, error.errno, error.syscall], [code, errno, "mmap"]);
  }
});

Deno.test("systemError() is worded as Deno words it, with and without a subject", () => {
  assertEquals(
    systemError(13, "mmap", "data.bin").message,
    "Permission denied (os error 13): mmap 'data.bin'",
  );
  assertEquals(systemError(13, "mmap").message, "Permission denied (os error 13): mmap");
});

Deno.test("systemError() has code, errno and syscall as own properties", () => {
  const error = systemError(2, "open");
  for (const name of ["code", "errno", "syscall"]) assert(Object.hasOwn(error, name), name);
});

Deno.test("open() fails as Deno.openSync() does: same class, code and message", () =>
  withTempDir((dir) => {
    const file = join(dir, "file");
    Deno.writeTextFileSync(file, "");
    Deno.symlinkSync("loop", join(dir, "loop"), { type: "file" });
    const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants;
    const cases: [string, Deno.OpenOptions, number][] = [
      [join(dir, "none"), { read: true }, O_RDONLY],
      [dir, { write: true }, O_WRONLY],
      [join(file, "below"), { read: true }, O_RDONLY],
      [join(dir, "loop"), { read: true }, O_RDONLY],
      [file, { write: true, createNew: true }, O_WRONLY | O_CREAT | O_EXCL],
    ];
    for (const [path, options, flags] of cases) {
      const theirs = thrownBy(() => Deno.openSync(path, options)) as Error & { code: string };
      const ours = asSystemError(thrownBy(() => close(open(path, flags))));
      assertEquals(
        [ours.constructor.name, ours.code, ours.message],
        [theirs.constructor.name, theirs.code, theirs.message],
      );
    }
  }));

Deno.test("isSystemError() is true for system errors and false for everything else", () => {
  assert(isSystemError(systemError(22, "mmap")));
  const others: unknown[] = [
    undefined,
    null,
    22,
    "EINVAL",
    new TypeError("no"),
    new Deno.errors.NotFound("no"),
    { code: "EINVAL", errno: 22, syscall: "mmap" },
    Object.assign(new Error("no"), { code: "EINVAL" }),
    Object.assign(new Error("no"), { code: 22, errno: 22, syscall: "mmap" }),
    Object.assign(new Error("no"), { code: "EINVAL", errno: "22", syscall: "mmap" }),
    Object.assign(new Error("no"), { code: "EINVAL", errno: 22 }),
  ];
  for (const other of others) assertEquals(isSystemError(other), false);
});

Deno.test("checkZero() lets 0 pass and throws errno for -1", () => {
  checkZero(0, 1, "munmap");
  assertThrowsSystem(
    () => checkZero(libc().munmap(null, 0n), threadErrno[0]!, "munmap", "x"),
    TypeError,
    "EINVAL",
    "munmap",
  );
});

Deno.test("checkCount() gives the count as a number and throws errno for -1", () => {
  assertStrictEquals(checkCount(3, 1, "open"), 3);
  assertStrictEquals(checkCount(3n, 1, "read"), 3);
  assertStrictEquals(checkCount(0, 1, "open"), 0);
  assertThrowsSystem(
    () => checkCount(libc().fcntl(-1, 1, 0n), threadErrno[0]!, "fcntl"),
    Error,
    "EBADF",
    "fcntl",
  );
});

Deno.test("checkPointer() lets an address pass and throws errno for MAP_FAILED", () => {
  const address = Deno.UnsafePointer.create(4096n)!;
  assertStrictEquals(checkPointer(address, 1, "mmap"), address);
  const failed = libc().mmap(null, 4096n, 0, constants.MAP_PRIVATE, -1, 0n);
  assertEquals(Deno.UnsafePointer.value(failed), 2n ** 64n - 1n);
  assertThrowsSystem(
    () =>
      checkPointer(
        libc().mmap(null, 4096n, 0, constants.MAP_PRIVATE, -1, 0n),
        threadErrno[0]!,
        "mmap",
      ),
    Error,
    "EBADF",
    "mmap",
  );
});

Deno.test("checkErrno() lets 0 pass and throws the number that it is given", () => {
  checkErrno(0, "fallocate");
  const error = assertThrowsSystem(
    () => checkErrno(28, "fallocate", "f"),
    Error,
    "ENOSPC",
    "fallocate",
  );
  assertEquals(error.errno, 28);
});

Deno.test("required() gives the symbol back, or throws NotSupported ENOSYS", () => {
  const symbol = () => 1;
  assertStrictEquals(required(symbol, "mremap"), symbol);
  const error = assertThrowsSystem(
    () => required(null, "mremap"),
    Deno.errors.NotSupported,
    "ENOSYS",
    "mremap",
  );
  assertEquals(errnoName(error.errno), "ENOSYS");
});

/** What systemError() makes on a system that has a libc with the text for it. */
function failure(code: string, errno: number): Error {
  return newSystemError({ code, errno, text: "Failed", syscall: "open", subject: undefined });
}

Deno.test("retryInterrupted() repeats a call until no signal interrupts it", () => {
  let calls = 0;
  const result = retryInterrupted(() => {
    if (++calls < 4) throw failure("EINTR", 4);
    return "done";
  });
  assertEquals([result, calls], ["done", 4]);
});

Deno.test("retryInterrupted() does not repeat any other failure", () => {
  const EAGAIN = factOf({ linux: 11, darwin: 35 });
  let calls = 0;
  assertThrows(
    () =>
      retryInterrupted(() => {
        calls++;
        throw failure("EAGAIN", EAGAIN);
      }),
    Deno.errors.WouldBlock,
  );
  assertEquals(calls, 1);
});
