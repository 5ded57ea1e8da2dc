/** How each function of the symbol table tells that it failed, proven by failures. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { memfd_create, mremap, shm_open, shm_unlink } from "@mmap/mmap/libc";
import { FUTEX_WAIT, SYS_futex, SYS_futex_waitv } from "../../ffi/constants.ts";
import { errnoName } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";
import { statusOf } from "../../ffi/status.ts";
import { type Libc, SYMBOLS } from "../../ffi/symbols.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { patchLibc } from "../_libc.ts";
import { at, bytesAt, PAGE, withPages } from "../_pages.ts";

const onLinux = Deno.build.os === "linux";
const MAP_FAILED = 2n ** 64n - 1n;
const noBytes = new Uint8Array(256);
const noPath = new TextEncoder().encode("/no/such/file\0");
/** A page that cannot be mapped: the address space ends before it. */
const nowhere = Deno.UnsafePointer.create(2n ** 56n)!;

/** Calls that fail for sure, with the errno that they must leave. */
const FAILURES: Record<string, [(c: Libc) => unknown, string]> = {
  munmap: [(c) => c.munmap(at(nowhere, 1), 1n), "EINVAL"],
  msync: [(c) => c.msync(nowhere, BigInt(PAGE), 4), "ENOMEM"],
  mprotect: [(c) => c.mprotect(nowhere, BigInt(PAGE), 1), "ENOMEM"],
  madvise: [(c) => c.madvise(nowhere, BigInt(PAGE), 0), "ENOMEM"],
  mlock: [(c) => c.mlock(nowhere, BigInt(PAGE)), "ENOMEM"],
  munlock: [(c) => c.munlock(nowhere, BigInt(PAGE)), "ENOMEM"],
  mincore: [(c) => c.mincore(nowhere, BigInt(PAGE), noBytes), "ENOMEM"],
  open: [(c) => c.open(noPath, 0, 0), "ENOENT"],
  openat: [(c) => c.openat(-1, noPath, 0, 0), "ENOENT"],
  close: [(c) => c.close(-1), "EBADF"],
  pipe: [(c) => c.pipe(null), "EFAULT"],
  readInto: [(c) => Number(c.readInto(-1, nowhere, 1n)), "EBADF"],
  writeFrom: [(c) => Number(c.writeFrom(-1, nowhere, 1n)), "EBADF"],
  linkat: [(c) => c.linkat(-1, noPath, -1, noPath, 0), "ENOENT"],
  write: [(c) => Number(c.write(-1, noBytes, 1n)), "EBADF"],
  closedir: [(c) => c.closedir(null), "EINVAL"],
  socket: [(c) => c.socket(-1, 0, 0), "EAFNOSUPPORT"],
  bind: [(c) => c.bind(-1, noBytes, 16), "EBADF"],
  listen: [(c) => c.listen(-1, 1), "EBADF"],
  connect: [(c) => c.connect(-1, noBytes, 16), "EBADF"],
  accept4: [(c) => c.accept4!(-1, null, null, 0), "EBADF"],
  sendmsg: [(c) => Number(c.sendmsg(-1, noBytes, 0)), "EBADF"],
  recvmsg: [(c) => Number(c.recvmsg(-1, noBytes, 0)), "EBADF"],
  chmod: [(c) => c.chmod(noPath, 0), "ENOENT"],
  futex: [(c) => Number(c.futex(BigInt(SYS_futex), null, FUTEX_WAIT, 0, null, null, 0)), "EFAULT"],
  futexWaitv: [(c) => Number(c.futexWaitv(BigInt(SYS_futex_waitv), null, 0, 0, null, 1)), "EINVAL"],
  gettid: [(c) => Number(c.gettid(-1n)), "ENOSYS"],
  kill: [(c) => c.kill(Deno.pid, -1), "EINVAL"],
  clock_gettime: [(c) => c.clock_gettime(4242, noBytes), "EINVAL"],
  read: [(c) => Number(c.read(-1, noBytes, 1n)), "EBADF"],
  unlink: [(c) => c.unlink(noPath), "ENOENT"],
  readlink: [(c) => Number(c.readlink(noPath, noBytes, 256n)), "ENOENT"],
  lseek: [(c) => Number(c.lseek(-1, 0n, 0)), "EBADF"],
  pwritev2: [(c) => Number(c.pwritev2!(-1, noBytes, 1, 0n, 0)), "EBADF"],
  ftruncate: [(c) => c.ftruncate(-1, 0n), "EBADF"],
  fallocate: [(c) => c.fallocate!(-1, 0, 0n, 1n), "EBADF"],
  statx: [(c) => c.statx!(-1, noPath.subarray(-1), 0x1000, 0x7ff, noBytes), "EBADF"],
  fstatfs: [(c) => c.fstatfs(-1, noBytes), "EBADF"],
  fcntl: [(c) => c.fcntl(-1, 1, 0n), "EBADF"],
  fcntlLock: [(c) => c.fcntlLock(-1, 37, noBytes), "EBADF"],
  dup3: [(c) => c.dup3!(-1, 0, 0), "EBADF"],
  fsync: [(c) => c.fsync(-1), "EBADF"],
  flock: [(c) => c.flock(-1, 8), "EBADF"],
  sigaction: [(c) => c.sigaction(0, null, null), "EINVAL"],
  sigprocmask: [(c) => c.sigprocmask(77, noBytes, null), "EINVAL"],
  sigtimedwait: [(c) => c.sigtimedwait!(noBytes, null, noBytes), "EAGAIN"],
  memfd_create: [(c) => c.memfd_create!(noPath, 0xffffffff), "EINVAL"],
  shm_open: [(c) => c.shm_open!(noPath, 0, 0), "EINVAL"],
  shm_unlink: [(c) => c.shm_unlink!(noPath), "ENOENT"],
  prctl: [(c) => c.prctl!(-1, 0n, 0n, 0n, null), "EINVAL"],
  process_vm_readv: [(c) => Number(c.process_vm_readv!(0, noBytes, 0n, noBytes, 0n, 1n)), "EINVAL"],
  process_vm_writev: [
    (c) => Number(c.process_vm_writev!(0, noBytes, 0n, noBytes, 0n, 1n)),
    "EINVAL",
  ],
  sysconf: [(c) => Number(c.sysconf(-1)), "EINVAL"],
};

/** This thread's errno, as memory. */
function errnoCell(): Int32Array {
  const { buffer } = bytesAt(libc().errnoLocation()!, 4);
  return new Int32Array(buffer);
}

for (const [name, [call, code]] of Object.entries(FAILURES)) {
  Deno.test({
    name: `${name}() of libc returns -1 when it fails and sets errno to ${code}`,
    ignore: !onLinux,
    fn(): void {
      const errno = errnoCell();
      errno[0] = 0;
      const result = call(libc());
      const left = errno[0];
      assertEquals([result, errnoName(left)], [-1, code]);
    },
  });
}

Deno.test({
  name: "mmap() and mremap() of libc return (void *) -1 when they fail and set errno",
  ignore: !onLinux,
  fn(): void {
    const errno = errnoCell();
    for (
      const call of [
        (c: Libc) => c.mmap(null, 0n, 1, 0x22, -1, 0n),
        (c: Libc) => c.mremap!(at(nowhere, 1), 1n, 1n, 0, null),
      ]
    ) {
      errno[0] = 0;
      const result = call(libc());
      const left = errno[0];
      assertEquals([Deno.UnsafePointer.value(result), errnoName(left)], [MAP_FAILED, "EINVAL"]);
    }
  },
});

Deno.test({
  name:
    "msync(), madvise(), fsync(), poll() and futex_waitv() of libc return -1 on another thread, too",
  ignore: !onLinux,
  async fn(): Promise<void> {
    assertEquals(await libc().msyncOffThread(nowhere, BigInt(PAGE), 4), -1);
    assertEquals(await libc().madviseOffThread(nowhere, BigInt(PAGE), 0), -1);
    assertEquals(await libc().fsyncOffThread(-1), -1);
    assertEquals(await libc().pollOffThread(noBytes, 2n ** 32n - 1n, 0), -1);
    assertEquals(
      await libc().futexWaitvOffThread(BigInt(SYS_futex_waitv), null, 0, 0, null, 1),
      -1n,
    );
  },
});

Deno.test("opendir() of libc returns NULL and sets errno", () => {
  const errno = errnoCell();
  errno[0] = 0;
  const result = libc().opendir(noPath);
  const left = errno[0];
  assertEquals([result, errnoName(left)], [null, "ENOENT"]);
});

Deno.test("dlsym() of libc returns NULL for a symbol that is not there", () => {
  const find = (name: string) => libc().dlsym!(0n, new TextEncoder().encode(`${name}\0`));
  assertStrictEquals(find("mmap_test_no_such"), null);
  assert(find("close") !== null);
});

Deno.test("getenv() of libc returns NULL for a variable that is not set", () => {
  assertStrictEquals(libc().getenv(new TextEncoder().encode("MMAP_TEST_NO_SUCH\0")), null);
});

Deno.test({
  name: "every symbol but those of macOS alone is in this libc",
  ignore: !onLinux,
  fn(): void {
    const missing = Object.entries(libc()).filter(([, symbol]) => symbol === null)
      .map(([name]) => name);
    const theirs = /^(fstat\$INODE64|os_sync_.*|__ulock_.*)$/;
    assertEquals(missing.filter((name) => !theirs.test(name)), []);
    assertEquals(Object.keys(libc()).sort(), Object.keys(SYMBOLS).sort());
  },
});

Deno.test("no symbol is declared without the way its failure is told", () => {
  const told = new Set([
    ...Object.keys(FAILURES),
    "mmap",
    "mremap",
    "getenv",
    "msyncOffThread",
    "madviseOffThread",
    "fsyncOffThread",
    "pollOffThread",
    "opendir",
    "dlsym", // NULL
    "threadAtExit", // another number than 0, for want of memory
    "readdir", // fails for what is no directory stream, and then in any way
    // never fail
    ...["strerror", "errnoLocation", "memchr", "memrchr", "wmemchr", "memmem", "memcmp", "memcpy"],
    "futexWaitvOffThread",
    "fstat", // this one and the following: macOS
    "fstat$INODE64",
    "os_sync_wait_on_address_with_timeout",
    "os_sync_wake_by_address_any",
    "__ulock_wait",
    "__ulock_wake",
  ]);
  assertEquals(Object.keys(SYMBOLS).filter((name) => !told.has(name)), []);
});

/** Runs `body` as if libc lacked a function. */
function without(name: keyof Libc, body: () => void): void {
  const restore = patchLibc({ [name]: null } as Partial<Libc>);
  try {
    body();
  } finally {
    restore();
  }
}

Deno.test("a call that this libc lacks throws NotSupported ENOSYS", () => {
  const calls: Partial<Record<keyof Libc, () => unknown>> = {
    mremap: () => mremap(null, 1, 1, 0),
    memfd_create: () => memfd_create("x", 0),
    shm_open: () => shm_open("/mmap_test_never_made", 0),
    shm_unlink: () => shm_unlink("/mmap_test_never_made"),
  };
  if (onLinux) calls.statx = () => statusOf(0);
  for (const [name, call] of Object.entries(calls)) {
    without(name as keyof Libc, () => {
      assertThrowsSystem(call, Deno.errors.NotSupported, "ENOSYS", name);
    });
  }
});

Deno.test("patchLibc() puts the real functions back", () => {
  const real = libc();
  const restore = patchLibc({ munmap: () => -1 });
  assertEquals(libc().munmap(null, 1n), -1);
  assertStrictEquals(libc().mmap, real.mmap);
  restore();
  assertStrictEquals(libc(), real);
  withPages(1, (address) => assert(address !== null));
});
