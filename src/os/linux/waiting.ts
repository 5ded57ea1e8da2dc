/**
 * Waiting for words, by futexes: the kernel waits and wakes, for all processes that map a word.
 *
 * @see https://man7.org/linux/man-pages/man2/futex.2.html
 */

import { cString } from "../../../ffi/arguments.ts";
import { checkZero, isSystemError, systemError } from "../../../ffi/call.ts";
import {
  CLOCK_MONOTONIC,
  FUTEX2_PRIVATE,
  FUTEX2_SIZE_U32,
  FUTEX_WAIT,
  FUTEX_WAKE,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  SYS_futex,
  SYS_futex_waitv,
} from "../../../ffi/constants.ts";
import { errnoName } from "../../../ffi/errno.ts";
import { close } from "../../../ffi/file_calls.ts";
import { isNumberLocked, lockByte } from "../../../ffi/file_lock.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { addressOfBytes, pointerFrom } from "../../../ffi/memory.ts";
import { openDescriptorOf, readLink } from "../../../ffi/proc.ts";
import { inodeAt } from "../../../ffi/status.ts";
import { closeTied, isMainThread, threadId, tieToThread } from "../../../ffi/thread.ts";
import type {
  Doorbell,
  DoorbellPlace,
  ManyWaiting,
  SystemWord,
  WaitEntry,
  WaitingSystem,
  WaitResult,
} from "../waiting_system.ts";
import { randomName } from "../posix/token.ts";
import { hasOwnProc } from "./processes.ts";

export const waiting: WaitingSystem = { wait, wake, many, doorbells: { make, reach, ring, drop } };

const FUTEX_NUMBER = BigInt(SYS_futex ?? 0);

const timespec = new BigInt64Array(2); // 0 time_t tv_sec, 8 long tv_nsec
const timespecBytes = new Uint8Array(timespec.buffer);
let timespecMs = 0;

function wait({ pointer }: SystemWord, expected: number, timeoutMs: number): WaitResult {
  setTimespec(timeoutMs);
  const { futex } = libc();
  const word = expected >>> 0;
  if (futex(FUTEX_NUMBER, pointer, FUTEX_WAIT, word, timespecBytes, null, 0) === 0) return "ok";
  const errno = threadErrno[0]!;
  switch (errnoName(errno)) {
    case "EAGAIN":
      return "not-equal";
    case "ETIMEDOUT":
      return "timed-out";
    case "EINTR":
      return "ok"; // spuriously, as any wake-up may be
    case "EFAULT":
      return "ok"; // the page is missing: the caller finds that out when it reads the word
    default:
      throw systemError(errno, "futex");
  }
}

/** Most waits are slices of the same length: then the value is there already. */
function setTimespec(ms: number): void {
  if (ms === timespecMs) return;
  timespecMs = ms;
  timespec[0] = BigInt(Math.floor(ms / 1000));
  timespec[1] = BigInt(Math.ceil((ms % 1000) * 1e6));
}

function wake({ pointer }: SystemWord, count: number): number {
  const woken = libc().futex(FUTEX_NUMBER, pointer, FUTEX_WAKE, count, null, null, 0);
  if (woken >= 0) return woken;
  const errno = threadErrno[0]!;
  if (errnoName(errno) === "EFAULT") return 0; // the page is missing, and nobody sleeps on it
  throw systemError(errno, "futex");
}

/** Null if the system has none; undefined before the first use. */
let waitv: Waitv | null | undefined;

/** By `futex_waitv`, which kernels before 5.16 and qemu's user emulation do not have. */
function many(): ManyWaiting | undefined {
  if (waitv === undefined) waitv = waitvAvailable() ? new Waitv() : null;
  return waitv ?? undefined;
}

/** A call with no words returns EINVAL if the kernel has it, and ENOSYS otherwise. */
function waitvAvailable(): boolean {
  const nothing = new Uint8Array(ENTRY_BYTE_LENGTH);
  libc().futexWaitv(BigInt(SYS_futex_waitv), nothing, 0, 0, null, CLOCK_MONOTONIC);
  return errnoName(threadErrno[0]!) === "EINVAL";
}

/** futex_waitv takes 128 words, of which one is the control word. */
const MAX_WORDS = 127;

/** struct futex_waitv: 0 u64 val, 8 u64 uaddr, 16 u32 flags, 24 bytes in all. */
const ENTRY_BYTE_LENGTH = 24;

/** `futex`: a word of this process alone, as FUTEX2_PRIVATE says in an entry. */
const FUTEX_PRIVATE_FLAG = 128;

class Waitv implements ManyWaiting {
  readonly capacity = MAX_WORDS;
  readonly #entries = new DataView(new ArrayBuffer((MAX_WORDS + 1) * ENTRY_BYTE_LENGTH));
  readonly #entryBytes = new Uint8Array(this.#entries.buffer);
  readonly #timespec = new BigInt64Array(2);
  readonly #timespecBytes = new Uint8Array(this.#timespec.buffer);
  /** Changed to end the parked call, which waits for it too. */
  readonly #control = new Int32Array(1);
  readonly #controlAddress = addressOfBytes(new Uint8Array(this.#control.buffer));
  /** Whether a call is parked, or about to be, and was not interrupted yet. */
  #parked = false;

  async park(entries: readonly WaitEntry[], timeoutMs: number): Promise<number | undefined> {
    entries.forEach(({ address, expected }, i) => this.#setEntry(i, address, expected, 0));
    const { length } = entries;
    const control = Atomics.load(this.#control, 0);
    this.#setEntry(length, Number(this.#controlAddress), control, FUTEX2_PRIVATE);
    this.#setEnd(timeoutMs);
    this.#parked = true;
    const result = await libc().futexWaitvOffThread(
      BigInt(SYS_futex_waitv),
      this.#entryBytes,
      length + 1,
      0,
      this.#timespecBytes,
      CLOCK_MONOTONIC,
    );
    this.#parked = false;
    const index = Number(result);
    return index >= 0 && index < length ? index : undefined;
  }

  /** Written in halves, since a bigint for each word would be garbage at every turn. */
  #setEntry(index: number, address: number, expected: number, flags: number): void {
    const at = index * ENTRY_BYTE_LENGTH;
    this.#entries.setUint32(at, expected, true);
    this.#entries.setUint32(at + 8, address, true);
    this.#entries.setUint32(at + 12, address / 2 ** 32, true);
    this.#entries.setUint32(at + 16, FUTEX2_SIZE_U32 | flags, true);
  }

  /** Sets the deadline of the call, on the clock that the call uses. */
  #setEnd(timeoutMs: number): void {
    const timespec = this.#timespec;
    libc().clock_gettime(CLOCK_MONOTONIC, this.#timespecBytes);
    const nanoseconds = timespec[1]! + BigInt(Math.ceil(timeoutMs * 1e6));
    timespec[0]! += nanoseconds / 1_000_000_000n;
    timespec[1] = nanoseconds % 1_000_000_000n;
  }

  interrupt(): void {
    if (!this.#parked) return;
    this.#parked = false;
    // A call that is about to park sees that the value differs from its entry, and returns at once.
    Atomics.add(this.#control, 0, 1);
    const pointer = pointerFrom(this.#controlAddress);
    libc().futex(FUTEX_NUMBER, pointer, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, null, null, 0);
  }
}

/*
 * A doorbell is a pipe in the event loop of an isolate. Others open it through /proc, and know it by
 * a lock (`ffi/file_lock.ts`) on a byte of its number, which the kernel drops with the doorbell: they
 * write to nothing else, whatever the words say by which they find it.
 */

/**
 * Makes a doorbell for the isolate of a main program. Deno 2.9.6 never closes the descriptor that a
 * Worker's event loop has read, and neither can we, as a later version may.
 */
async function make(rung: () => void): Promise<Doorbell | undefined> {
  if (!isMainThread()) return undefined;
  // First: Deno may panic when it loads a module and no descriptor is left.
  const pipe = makePipe();
  if (pipe === undefined) return undefined;
  try {
    // Nor can it load node:net where /proc/self/exe is missing.
    const exe = cString("/proc/self/exe", "pathname", "statx");
    if (hasOwnProc() && inodeAt(exe) !== undefined) {
      return (await import("./doorbell.ts")).listen(pipe, pipe.readEnd, rung);
    }
  } catch (error) {
    closePipe(pipe);
    throw error;
  }
  closePipe(pipe);
  return undefined;
}

/** The pipe of a doorbell. */
interface Pipe extends DoorbellPlace {
  readonly readEnd: number;
}

function closePipe({ readEnd, fd }: Pipe): void {
  close(readEnd);
  close(fd);
}

/**
 * A pipe, and a lock on it by which others know it. Both ends are opened anew: so they are not
 * inherited, and the lock belongs to nothing else.
 *
 * @returns undefined if pipes have no locks here
 * @throws {Error} EMFILE, ENFILE: no descriptor left.
 */
function makePipe(): Pipe | undefined {
  const ends = new Int32Array(2);
  checkZero(libc().pipe(new Uint8Array(ends.buffer)), threadErrno[0]!, "pipe");
  const opened: number[] = [];
  const open = (end: number, flags: number): number => {
    opened.push(openDescriptorOf("self", end, flags | O_NONBLOCK | O_CLOEXEC));
    return opened.at(-1)!;
  };
  try {
    const readEnd = open(ends[0]!, O_RDONLY);
    const fd = open(ends[1]!, O_RDWR);
    const { number } = randomName(threadId());
    if (lockByte(fd, number, 0) !== 0 || !isNumberLocked(readEnd, number)) return undefined;
    opened.length = 0;
    return { number, pid: Deno.pid, fd, readEnd };
  } finally {
    for (const fd of [...ends, ...opened]) close(fd);
  }
}

/** The target of a link of /proc that leads to a pipe without a name. */
const PIPE = /^pipe:\[/;

function reach({ number, pid, fd }: DoorbellPlace): number | undefined {
  try {
    // First, since opening something else may have side effects.
    if (!PIPE.test(readLink(`/proc/${pid}/fd/${fd}`))) return undefined;
    // For reading too: writing to a pipe without a reader would be a signal.
    const rope = openDescriptorOf(pid, fd, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (hasNumber(rope, number)) return tieToThread(rope);
    close(rope);
  } catch (error) {
    // It is gone or hidden, it is another user's, or no descriptor is left.
    if (!isSystemError(error)) throw error;
  }
  return undefined;
}

function hasNumber(fd: number, number: number): boolean {
  try {
    return number !== 0 && isNumberLocked(fd, number);
  } catch (error) {
    close(fd);
    throw error;
  }
}

const ONE = new Uint8Array(1);

/**
 * A full pipe has been rung already. The kernel starts who reads a pipe on the processor of who writes,
 * and expects that one to sleep at once; but it may look for an answer first, so it steps aside.
 */
function ring(rope: number): void {
  const { write, sched_yield } = libc();
  write(rope, ONE, 1n);
  sched_yield?.();
}

function drop(rope: number): void {
  closeTied(rope);
}
