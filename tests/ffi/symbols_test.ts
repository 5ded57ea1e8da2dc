/** How each function of the symbol table tells that it failed, proven by failures. */

import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { memfd_create, mremap, shm_open, shm_unlink } from "@mmap/mmap/libc";
import {
  F_FULLFSYNC,
  F_OFD_SETLK,
  FUTEX_WAIT,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MS_SYNC,
  SYS_futex,
  SYS_futex_waitv,
  UL_COMPARE_AND_WAIT_SHARED,
  ULF_NO_ERRNO,
} from "../../ffi/constants.ts";
import { libSystem } from "../../ffi/darwin.ts";
import { EINVAL, errnoName } from "../../ffi/errno.ts";
import { libc, threadErrno } from "../../ffi/libc.ts";
import { factOf } from "../../ffi/platform.ts";
import { statusOf } from "../../ffi/status.ts";
import { DARWIN_SYMBOLS, type DarwinLibc, type Libc, SYMBOLS } from "../../ffi/symbols.ts";
import { linux } from "../_capabilities.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { patchLibc } from "../_libc.ts";
import { at, bytesAt, PAGE, withPages } from "../_pages.ts";

/** An address that is no word's is EINVAL. */
const WAIT = UL_COMPARE_AND_WAIT_SHARED | ULF_NO_ERRNO;
const MAP_FAILED = 2n ** 64n - 1n;
const noBytes = new Uint8Array(256);
const noPath = new TextEncoder().encode("/no/such/file\0");
/** A page that cannot be mapped: the address space ends before it. */
const nowhere = Deno.UnsafePointer.create(2n ** 56n)!;

/** macOS looks at the message first. */
const NO_MESSAGE = factOf({ linux: "EBADF", darwin: "EMSGSIZE" });

type Failure = [(c: Libc & DarwinLibc) => unknown, string];

/** Calls that fail for sure, with the errno that they must leave. */
const FAILURES: Record<string, Failure> = {
  munmap: [(c) => c.munmap(at(nowhere, 1), 1n), "EINVAL"],
  msync: [(c) => c.msync(nowhere, BigInt(PAGE), MS_SYNC), "ENOMEM"],
  mprotect: [(c) => c.mprotect(nowhere, BigInt(PAGE), 1), "ENOMEM"],
  madvise: [
    (c) => c.madvise(nowhere, BigInt(PAGE), 0),
    factOf({ linux: "ENOMEM", darwin: "EINVAL" }),
  ],
  mlock: [(c) => c.mlock(nowhere, BigInt(PAGE)), "ENOMEM"],
  munlock: [(c) => c.munlock(nowhere, BigInt(PAGE)), "ENOMEM"],
  open: [(c) => c.open(noPath, 0, 0), "ENOENT"],
  openat: [(c) => c.openat(-1, noPath, 0, 0), "ENOENT"],
  close: [(c) => c.close(-1), "EBADF"],
  pipe: [(c) => c.pipe(null), "EFAULT"],
  readInto: [(c) => Number(c.readInto(-1, nowhere, 1n)), "EBADF"],
  writeFrom: [(c) => Number(c.writeFrom(-1, nowhere, 1n)), "EBADF"],
  linkat: [(c) => c.linkat(-1, noPath, -1, noPath, 0), "ENOENT"],
  write: [(c) => Number(c.write(-1, noBytes, 1n)), "EBADF"],
  socket: [(c) => c.socket(-1, 0, 0), "EAFNOSUPPORT"],
  bind: [(c) => c.bind(-1, noBytes, 16), "EBADF"],
  listen: [(c) => c.listen(-1, 1), "EBADF"],
  connect: [(c) => c.connect(-1, noBytes, 16), "EBADF"],
  sendmsg: [(c) => Number(c.sendmsg(-1, noBytes, 0)), NO_MESSAGE],
  recvmsg: [(c) => Number(c.recvmsg(-1, noBytes, 0)), NO_MESSAGE],
  chmod: [(c) => c.chmod(noPath, 0), "ENOENT"],
  kill: [(c) => c.kill(Deno.pid, -1), "EINVAL"],
  clock_gettime: [(c) => c.clock_gettime(4242, noBytes), "EINVAL"],
  read: [(c) => Number(c.read(-1, noBytes, 1n)), "EBADF"],
  unlink: [(c) => c.unlink(noPath), "ENOENT"],
  readlink: [(c) => Number(c.readlink(noPath, noBytes, 256n)), "ENOENT"],
  lseek: [(c) => Number(c.lseek(-1, 0n, 0)), "EBADF"],
  ftruncate: [(c) => c.ftruncate(-1, 0n), "EBADF"],
  fcntl: [(c) => c.fcntl(-1, 1, 0n), "EBADF"],
  fcntlLock: [(c) => c.fcntlLock(-1, F_OFD_SETLK, noBytes), "EBADF"],
  fsync: [(c) => c.fsync(-1), "EBADF"],
  flock: [(c) => c.flock(-1, 8), "EBADF"],
  sigprocmask: [(c) => c.sigprocmask(77, noBytes, null), "EINVAL"],
  shm_open: [(c) => c.shm_open!(noPath, 0, 0), factOf({ linux: "EINVAL", darwin: "ENOENT" })],
  shm_unlink: [(c) => c.shm_unlink!(noPath), "ENOENT"],
  sigaction: [(c) => c.sigaction(0, null, null), "EINVAL"],
  fstatfs: [(c) => c.fstatfs(-1, noBytes), "EBADF"],
  sysconf: [(c) => Number(c.sysconf(-1)), "EINVAL"],
};

/** Those of Linux alone, or that fail there alone. */
const LINUX_FAILURES: Record<string, Failure> = {
  accept4: [(c) => c.accept4!(-1, null, null, 0), "EBADF"],
  futex: [(c) => Number(c.futex(BigInt(SYS_futex), null, FUTEX_WAIT, 0, null, null, 0)), "EFAULT"],
  futexWaitv: [(c) => Number(c.futexWaitv(BigInt(SYS_futex_waitv), null, 0, 0, null, 1)), "EINVAL"],
  gettid: [(c) => Number(c.gettid(-1n)), "ENOSYS"],
  pwritev2: [(c) => Number(c.pwritev2!(-1, noBytes, 1, 0n, 0)), "EBADF"],
  fallocate: [(c) => c.fallocate!(-1, 0, 0n, 1n), "EBADF"],
  statx: [(c) => c.statx!(-1, noPath.subarray(-1), 0x1000, 0x7ff, noBytes), "EBADF"],
  dup3: [(c) => c.dup3!(-1, 0, 0), "EBADF"],
  sigtimedwait: [(c) => c.sigtimedwait!(noBytes, null, noBytes), "EAGAIN"],
  memfd_create: [(c) => c.memfd_create!(noPath, 0xffffffff), "EINVAL"],
  prctl: [(c) => c.prctl!(-1, 0n, 0n, 0n, null), "EINVAL"],
  process_vm_readv: [(c) => Number(c.process_vm_readv!(0, noBytes, 0n, noBytes, 0n, 1n)), "EINVAL"],
  process_vm_writev: [
    (c) => Number(c.process_vm_writev!(0, noBytes, 0n, noBytes, 0n, 1n)),
    "EINVAL",
  ],
  mincore: [(c) => c.mincore(nowhere, BigInt(PAGE), noBytes), "ENOMEM"],
  closedir: [(c) => c.closedir(null), "EINVAL"],
};

/** Those of macOS alone. */
const DARWIN_FAILURES: Record<string, Failure> = {
  fcntlBuffer: [(c) => c.fcntlBuffer(-1, 50, noBytes), "EBADF"],
  dup2: [(c) => c.dup2(-1, 0), "EBADF"],
  mkdir: [(c) => c.mkdir(noPath, 0o700), "ENOENT"],
  pwrite: [(c) => Number(c.pwrite(-1, noBytes, 1n, 0n)), "EBADF"],
  getrlimit: [(c) => c.getrlimit(99, noBytes), "EINVAL"],
  sysctlbyname: [(c) => c.sysctlbyname(noPath, null, null, null, 0n), "ENOENT"],
  accept: [(c) => c.accept(-1, null, null), "EBADF"],
};

/** This thread's errno, as memory. */
function errnoCell(): Int32Array {
  const { buffer } = bytesAt(libc().errnoLocation()!, 4);
  return new Int32Array(buffer);
}

/** The failures of this system's calls. */
const ITS_FAILURES = { ...FAILURES, ...factOf({ linux: LINUX_FAILURES, darwin: DARWIN_FAILURES }) };

for (const [name, [call, code]] of Object.entries(ITS_FAILURES)) {
  Deno.test(`${name}() of libc returns -1 when it fails and sets errno to ${code}`, () => {
    const errno = errnoCell();
    errno[0] = 0;
    const result = call(libSystem());
    const left = errno[0];
    assertEquals([result, errnoName(left)], [-1, code]);
  });
}

Deno.test("mmap() and mremap() of libc return (void *) -1 when they fail and set errno", () => {
  const errno = errnoCell();
  const calls = [(c: Libc) => c.mmap(null, 0n, 1, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0n)];
  if (!linux.ignore) calls.push((c) => c.mremap!(at(nowhere, 1), 1n, 1n, 0, null));
  for (const call of calls) {
    errno[0] = 0;
    const result = call(libc());
    const left = errno[0];
    assertEquals([Deno.UnsafePointer.value(result), errnoName(left)], [MAP_FAILED, "EINVAL"]);
  }
});

Deno.test("msync(), madvise(), fsync() and poll() of libc return -1 on another thread, too", async () => {
  assertEquals(await libc().msyncOffThread(nowhere, BigInt(PAGE), MS_SYNC), -1);
  assertEquals(await libc().madviseOffThread(nowhere, BigInt(PAGE), 0), -1);
  assertEquals(await libc().fsyncOffThread(-1), -1);
  assertEquals(await libc().pollOffThread(noBytes, 2n ** 32n - 1n, 0), -1);
});

if (!linux.ignore) {
  Deno.test("futex_waitv() of libc returns -1 on another thread, too", async () => {
    const wait = libc().futexWaitvOffThread;
    assertEquals(await wait(BigInt(SYS_futex_waitv), null, 0, 0, null, 1), -1n);
  });
} else {
  Deno.test("fcntl() and __ulock_wait2() of libSystem fail on another thread, too", async () => {
    assertEquals(await libSystem().fcntlOffThread(-1, F_FULLFSYNC, 0n), -1);
    assertEquals(await libSystem().ulockWaitOffThread(WAIT, 1n, 0n, 0n, 0n), -EINVAL);
  });

  Deno.test("what else libSystem has fails in its own way", () => {
    const { confstr, proc_pidinfo, pthread_threadid_np, ulockWake, ...c } = libSystem();
    assertEquals(confstr(-1, noBytes, 256n), 0n);
    assertEquals(proc_pidinfo(2 ** 31 - 1, 3, 0n, noBytes, 256), 0);
    assertEquals(errnoName(threadErrno[0]!), "ESRCH");
    assertEquals(pthread_threadid_np(nowhere, noBytes), EINVAL);
    assertEquals(ulockWake(WAIT, 1n, 0n), -EINVAL);
    const copied = c.mach_vm_read_overwrite(c.mach_task_self(), 2n ** 56n, 1n, 0n, noBytes);
    assertNotEquals(copied, 0);
  });
}

Deno.test("opendir() of libc returns NULL and sets errno", () => {
  const errno = errnoCell();
  errno[0] = 0;
  const result = libc().opendir(noPath);
  const left = errno[0];
  assertEquals([result, errnoName(left)], [null, "ENOENT"]);
});

Deno.test("dlsym() of libc returns NULL for a symbol that is not there", () => {
  const RTLD_DEFAULT = factOf({ linux: 0n, darwin: 2n ** 64n - 2n });
  const find = (name: string) => libc().dlsym!(RTLD_DEFAULT, new TextEncoder().encode(`${name}\0`));
  assertStrictEquals(find("mmap_test_no_such"), null);
  assert(find("close") !== null);
});

Deno.test("getenv() of libc returns NULL for a variable that is not set", () => {
  assertStrictEquals(libc().getenv(new TextEncoder().encode("MMAP_TEST_NO_SUCH\0")), null);
});

/** What Linux alone has. */
const OF_LINUX = [
  ...["mremap", "pwritev2", "fallocate", "statx", "dup3", "accept4", "sigtimedwait"],
  ...[
    "sched_yield",
    "memfd_create",
    "prctl",
    "process_vm_readv",
    "process_vm_writev",
    "memrchr",
    "threadAtExit",
  ],
];

/** What macOS alone has, of which some machines lack some. */
const OF_DARWIN = /^((fstat|stat|opendir|readdir)\$INODE64|stat|os_sync_.*)$/;

Deno.test("every symbol but those of the other system alone is in this libc", () => {
  const missing = Object.entries(libc()).filter(([, symbol]) => symbol === null)
    .map(([name]) => name).filter((name) => !OF_DARWIN.test(name));
  assertEquals(
    missing.sort(),
    factOf({ linux: ["__ulock_wait", "__ulock_wake"], darwin: OF_LINUX }).sort(),
  );
  const theirs = factOf({ linux: [], darwin: Object.keys(DARWIN_SYMBOLS) });
  assertEquals(Object.keys(libc()).sort(), [...Object.keys(SYMBOLS), ...theirs].sort());
});

Deno.test("no symbol is declared without the way its failure is told", () => {
  const told = new Set([
    ...Object.keys({ ...FAILURES, ...LINUX_FAILURES, ...DARWIN_FAILURES }),
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
    "sched_yield", // this one and the following never fail
    ...["strerror", "errnoLocation", "memchr", "memrchr", "bsearch", "memmem", "memcmp", "memcpy"],
    "futexWaitvOffThread",
    "fstat", // this one and the following: macOS
    "fstat$INODE64",
    "os_sync_wait_on_address_with_timeout",
    "os_sync_wake_by_address_any",
    ...["__ulock_wait", "__ulock_wake", "ulockWaitOffThread", "ulockWake", "fcntlOffThread"],
    ...["stat", "stat$INODE64", "opendir$INODE64", "readdir$INODE64", "confstr", "proc_pidinfo"],
    ...[
      "pthread_threadid_np",
      "mach_task_self",
      "mach_vm_read_overwrite",
      "pthread_main_np",
      "sys_icache_invalidate",
    ],
    "tlvAtExit",
  ]);
  const declared = Object.keys({ ...SYMBOLS, ...DARWIN_SYMBOLS });
  assertEquals(declared.filter((name) => !told.has(name)), []);
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
  if (!linux.ignore) calls.statx = () => statusOf(0);
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
