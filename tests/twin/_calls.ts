/** Calls of the twin itself, with numbers for addresses, and rules about them in tables. */

import { assertEquals } from "@std/assert";
import { hasProgram } from "../_gcc.ts";
import { buildTwin, type Twin, type TwinOptions } from "../../tools/darwin/build.ts";

const CALLS = {
  __error: { parameters: [], result: "pointer" },
  mmap: { parameters: ["u64", "u64", "i32", "i32", "i32", "i64"], result: "u64" },
  munmap: { parameters: ["u64", "u64"], result: "i32" },
  mprotect: { parameters: ["u64", "u64", "i32"], result: "i32" },
  msync: { parameters: ["u64", "u64", "i32"], result: "i32" },
  madvise: { parameters: ["u64", "u64", "i32"], result: "i32" },
  mincore: { parameters: ["u64", "u64", "buffer"], result: "i32" },
  mlock: { parameters: ["u64", "u64"], result: "i32" },
  mach_task_self: { parameters: [], result: "u32" },
  mach_vm_read_overwrite: { parameters: ["u32", "u64", "u64", "u64", "buffer"], result: "i32" },
  mach_vm_write: { parameters: ["u32", "u64", "u64", "u32"], result: "i32" },
  mach_vm_remap: {
    parameters: [
      ...["u32", "buffer", "u64", "u64", "i32", "u32"] as const,
      ...["u64", "i32", "buffer", "buffer", "u32"] as const,
    ],
    result: "i32",
  },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u64"], result: "i64" },
  write: { parameters: ["i32", "buffer", "u64"], result: "i64" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  fsync: { parameters: ["i32"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "u64"], result: "i64" },
  fcntl: { parameters: ["i32", "i32", "i64"], result: "i32" },
  fcntlBuffer: { name: "darwin_fcntl", parameters: ["i32", "i32", "buffer"], result: "i32" },
  fstat: { parameters: ["i32", "buffer"], result: "i32" },
  fstat$INODE64: { parameters: ["i32", "buffer"], result: "i32", optional: true },
  opendir: { parameters: ["buffer"], result: "pointer" },
  readdir: { parameters: ["pointer"], result: "pointer" },
  closedir: { parameters: ["pointer"], result: "i32" },
  opendir$INODE64: { parameters: ["buffer"], result: "pointer", optional: true },
  readdir$INODE64: { parameters: ["pointer"], result: "pointer", optional: true },
  shm_open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  shm_unlink: { parameters: ["buffer"], result: "i32" },
  os_sync_wait_on_address_with_timeout: {
    parameters: ["u64", "u64", "u64", "u32", "u32", "u64"],
    result: "i32",
    optional: true,
  },
  os_sync_wake_by_address_any: {
    parameters: ["u64", "u64", "u32"],
    result: "i32",
    optional: true,
  },
  os_sync_wake_by_address_all: {
    parameters: ["u64", "u64", "u32"],
    result: "i32",
    optional: true,
  },
  __ulock_wait: { parameters: ["u32", "u64", "u64", "u32"], result: "i32" },
  __ulock_waitOffThread: {
    name: "darwin___ulock_wait",
    parameters: ["u32", "u64", "u64", "u32"],
    result: "i32",
    nonblocking: true,
  },
  __ulock_wait2: { parameters: ["u32", "u64", "u64", "u64", "u64"], result: "i32" },
  __ulock_wake: { parameters: ["u32", "u64", "u64"], result: "i32" },
  proc_pidinfo: { parameters: ["i32", "i32", "u64", "buffer", "i32"], result: "i32" },
  proc_pidfdinfo: { parameters: ["i32", "i32", "i32", "buffer", "i32"], result: "i32" },
  pthread_threadid_np: { parameters: ["pointer", "buffer"], result: "i32" },
  pthread_threadid_npOffThread: {
    name: "darwin_pthread_threadid_np",
    parameters: ["pointer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  sysconf: { parameters: ["i32"], result: "i64" },
  sysctlbyname: { parameters: ["buffer", "buffer", "buffer", "pointer", "u64"], result: "i32" },
  confstr: { parameters: ["i32", "buffer", "u64"], result: "u64" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  sigaction: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  raise: { parameters: ["i32"], result: "i32" },
  sigpending: { parameters: ["buffer"], result: "i32" },
  sigwait: { parameters: ["buffer", "buffer"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  sigprocmask: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  strerror: { parameters: ["i32"], result: "pointer" },
  syscall: { parameters: ["i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  accept: { parameters: ["i32", "pointer", "pointer"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "i64" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i64" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The calls, and how to read what they answer. */
export type Calls = Deno.DynamicLibrary<typeof CALLS>["symbols"] & {
  /** What a call answered: its result, or "E" and the number of the error if that is -1. */
  said(result: number | bigint): number | string;
};

/** Loads a twin that was built. */
export function loadCalls(library: string): Calls {
  const named: unknown = Object.fromEntries(
    Object.entries(CALLS).map(([key, call]) => [key, { name: `darwin_${key}`, ...call }]),
  );
  const symbols = Deno.dlopen(library, named as typeof CALLS).symbols;
  const said = (result: number | bigint): number | string => {
    const isFailure = BigInt.asIntN(64, BigInt(result)) === -1n;
    return isFailure
      ? `E${new Deno.UnsafePointerView(symbols.__error()!).getInt32()}`
      : Number(result);
  };
  return Object.assign(Object.create(symbols), { said }) as Calls;
}

/** A sentence, what to do, and what comes of it. */
export type Rule = [rule: string, act: (calls: Calls, twin: Twin) => unknown, expected: unknown];

/** One step for each rule, on a twin of their own. */
export function testRules(name: string, rules: readonly Rule[], options: TwinOptions = {}): void {
  Deno.test({
    name,
    ignore: Deno.build.os !== "linux" || !hasProgram("gcc"),
    sanitizeResources: false, // a library that is loaded stays
    async fn(t): Promise<void> {
      await using twin = await buildTwin(options);
      const calls = loadCalls(twin.library);
      for (const [rule, act, expected] of rules) {
        await t.step(rule, async () => assertEquals(await act(calls, twin), expected));
      }
      assertEquals(twin.objects(), [], "left behind");
    },
  });
}

/** A C string. */
export function text(value: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${value}\0`);
}

/** The address of a buffer's bytes. */
export function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}

/** The bytes at an address. */
export function bytesAt(address: bigint, byteLength: number): Uint8Array<ArrayBuffer> {
  // SAFETY: what is mapped there stays until the test has ended.
  return new Uint8Array(
    Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(address)!, byteLength),
  );
}

/** Darwin's numbers that the rules need. */
export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_CREAT = 0x200;
export const O_EXCL = 0x800;
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;
export const MAP_SHARED = 1;
export const MAP_PRIVATE = 2;
export const MAP_FIXED = 0x10;
export const MAP_ANON = 0x1000;
export const PAGE = 4096;

/** An object of one page, open for reading and writing, and its name. */
export function withObject<T>(
  calls: Calls,
  act: (fd: number, name: Uint8Array<ArrayBuffer>) => T,
): T {
  const name = text(`/twin.${crypto.randomUUID().slice(0, 18)}`);
  const fd = calls.shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0o600);
  assertEquals([calls.said(fd), calls.ftruncate(fd, BigInt(PAGE))], [fd, 0]);
  try {
    return act(fd, name);
  } finally {
    calls.close(fd);
    calls.shm_unlink(name);
  }
}

/** A file of `byteLength` bytes "A", open for reading and writing, and its path. */
export function withFile<T>(
  calls: Calls,
  byteLength: number,
  act: (fd: number, path: string) => T,
): T {
  const path = Deno.makeTempFileSync();
  Deno.writeFileSync(path, new Uint8Array(byteLength).fill(65));
  const fd = calls.open(text(path), O_RDWR, 0);
  try {
    return act(fd, path);
  } finally {
    calls.close(fd);
    Deno.removeSync(path);
  }
}

/** Maps readable and writable memory, and gives it back. */
export function withMemory<T>(
  calls: Calls,
  { flags, fd = -1, pages = 1 }: { flags: number; fd?: number; pages?: number },
  act: (address: bigint) => T,
): T {
  const length = BigInt(pages * PAGE);
  const address = calls.mmap(0n, length, PROT_READ | PROT_WRITE, flags, fd, 0n);
  assertEquals(typeof calls.said(address), "number", String(calls.said(address)));
  try {
    return act(address);
  } finally {
    calls.munmap(address, length);
  }
}
