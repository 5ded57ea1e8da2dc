/**
 * One waiter per isolate for all pending asynchronous waits.
 *
 * A non-blocking FFI call parks a thread of the pool that Deno's file operations use, so there is at
 * most one: `futex_waitv` waits for up to 127 words at once, and for a control word of this isolate,
 * which interrupts it when the set of words changes. Where more words are waited for, the waiter
 * takes them in turns and looks at the values of all of them every few milliseconds.
 *
 * Kernels without `futex_waitv` (before Linux 5.16, and qemu's user emulation) and macOS: a timer
 * looks at the values instead; a wake-up that changes no value is not seen there.
 */

import {
  CLOCK_MONOTONIC,
  FUTEX2_PRIVATE,
  FUTEX2_SIZE_U32,
  FUTEX_WAKE,
  SYS_futex,
  SYS_futex_waitv,
} from "../../ffi/constants.ts";
import { errnoName, lastErrno } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";
import { addressOf, addressOfBytes, pointerFrom } from "../../ffi/memory.ts";
import { platform } from "../../ffi/platform.ts";
import type { LossWatch } from "../mapping/loss.ts";
import type { WaitResult } from "./words.ts";

/** A word in mapped memory, which stays mapped while it is waited for. */
interface Word {
  readonly cells: Int32Array;
  readonly index: number;
  readonly pointer: Deno.PointerObject;
  readonly ground: LossWatch;
}

interface Wait {
  readonly word: Word;
  /** A number, since user space ends far below 2^53. */
  readonly address: number;
  readonly expected: number;
  readonly deadline: number;
  readonly settle: (result: WaitResult) => void;
}

const waits = new Set<Wait>();
let running = false;
/** Whether a call is parked, or about to be, and was not interrupted yet. */
let parked = false;
/** The call that is under way. */
let parking: Promise<number | undefined> | undefined;

/** Waits for a word together with all others. The promise rejects with the signal's reason. */
export function waitTogether(
  word: Word,
  expected: number,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<WaitResult> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  if (valueOf(word) !== expected) return Promise.resolve("not-equal");
  const { promise, resolve, reject } = Promise.withResolvers<WaitResult>();
  const abort = (): void => {
    waits.delete(wait);
    interrupt();
    // Not before the interrupted call is over: it has the word's address.
    (parking ?? Promise.resolve()).then(() => reject(signal!.reason));
  };
  const settle = (result: WaitResult): void => {
    if (signal !== undefined) endings.get(signal)?.remove(abort);
    waits.delete(wait);
    resolve(result);
  };
  const deadline = performance.now() + timeoutMs;
  const wait = { word, address: Number(addressOf(word.pointer)), expected, deadline, settle };
  if (signal !== undefined) endingsOf(signal).add(abort);
  waits.add(wait);
  interrupt();
  if (!running) run();
  return promise;
}

/** What each signal ends. */
const endings = new Map<AbortSignal, Endings>();

function endingsOf(signal: AbortSignal): Endings {
  return endings.get(signal) ?? new Endings(signal);
}

/**
 * The waits of one signal. They share a listener, because a signal goes through all of its listeners
 * to remove one, and a thousand waits would make a million steps of that.
 */
class Endings {
  readonly #signal: AbortSignal;
  readonly #ends = new Set<() => void>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    endings.set(signal, this);
    signal.addEventListener("abort", this.#endAll);
  }

  readonly #endAll = (): void => {
    this.#close();
    this.#ends.forEach((end) => end());
  };

  add(end: () => void): void {
    this.#ends.add(end);
  }

  /** With the last one the listener goes too: a signal with listeners may keep a program alive. */
  remove(end: () => void): void {
    if (this.#ends.delete(end) && this.#ends.size === 0) this.#close();
  }

  #close(): void {
    endings.delete(this.#signal);
    this.#signal.removeEventListener("abort", this.#endAll);
  }
}

/** The region may be closed meanwhile: then its views are gone, and so is what was waited for. */
function valueOf({ cells, index }: Word): number | undefined {
  return cells.length === 0 ? undefined : Atomics.load(cells, index);
}

/** Runs as long as there is something to wait for; a finished program ends by itself. */
async function run(): Promise<void> {
  running = true;
  // What else this turn of the event loop wants to wait for comes along.
  await Promise.resolve();
  try {
    while (waits.size > 0) {
      parking = waitvAvailable() ? parkOnce() : lookAgain();
      settleDue(await parking);
    }
  } finally {
    parking = undefined;
    running = false;
  }
}

/** Settles every wait whose word was woken or has changed, or whose time is up. */
function settleDue(wokenAddress: number | undefined): void {
  const now = performance.now();
  for (const wait of waits) {
    const { word } = wait;
    const due = wait.address === wokenAddress || valueOf(word) !== wait.expected ||
      !word.ground.intact; // after the look, which may have lost it
    if (due) wait.settle("ok");
    else if (wait.deadline <= now) wait.settle("timed-out");
  }
}

/** futex_waitv takes 128 words, of which one is the control word. */
const MAX_WORDS = 127;

/** The longest parked call, so that a Worker that is terminated does not hold its thread long. */
const LONGEST_MS = 1000;

/** With more words than one call takes: how often all of them are looked at. */
const ROTATION_MS = 10;

/** struct futex_waitv: 0 u64 val, 8 u64 uaddr, 16 u32 flags, 24 bytes in all. */
const ENTRY_BYTE_LENGTH = 24;
const entries = new DataView(new ArrayBuffer((MAX_WORDS + 1) * ENTRY_BYTE_LENGTH));
const entryBytes = new Uint8Array(entries.buffer);
const timespec = new BigInt64Array(2);
const timespecBytes = new Uint8Array(timespec.buffer);

/** Raised when the set of waits changes; the parked call waits for it too, and returns. */
const control = new Int32Array(1);
const controlBytes = new Uint8Array(control.buffer);

/** `futex`: a word of this process alone, as FUTEX2_PRIVATE says in an entry. */
const FUTEX_PRIVATE_FLAG = 128;

/** Tells a parked call that the set of waits has changed. */
function interrupt(): void {
  if (!parked) return;
  parked = false;
  // A call that is about to park sees another value than the one in its entry, and does not.
  Atomics.add(control, 0, 1);
  const pointer = pointerFrom(addressOfBytes(controlBytes));
  libc().futex(BigInt(SYS_futex), pointer, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, null, null, 0);
}

/** Parks until one of the words was woken. @returns its address, if it is known */
async function parkOnce(): Promise<number | undefined> {
  const { group, isAll } = nextGroup();
  group.forEach(({ address, expected }, i) => setEntry(i, address, expected, 0));
  const { length } = group;
  const controlAddress = Number(addressOfBytes(controlBytes));
  setEntry(length, controlAddress, Atomics.load(control, 0), FUTEX2_PRIVATE);
  setEnd(isAll ? LONGEST_MS : ROTATION_MS);
  parked = true;
  const result = await libc().futexWaitvOffThread(
    BigInt(SYS_futex_waitv),
    entryBytes,
    length + 1,
    0,
    timespecBytes,
    CLOCK_MONOTONIC,
  );
  parked = false;
  return group[Number(result)]?.address;
}

/** One wait for each of the words, as many as one call takes; where there are more, the next ones. */
function nextGroup(): { group: Wait[]; isAll: boolean } {
  const words = new Map<number, Wait>();
  let isAll = true;
  for (const wait of waits) {
    if (words.has(wait.address)) continue;
    isAll = words.size < MAX_WORDS;
    if (!isAll) break;
    words.set(wait.address, wait);
  }
  const group = [...words.values()];
  // They had their turn: to the end of the line.
  if (!isAll) group.forEach((wait) => waits.delete(wait) && waits.add(wait));
  return { group, isAll };
}

/** In halves, because a bigint for each word would be garbage at every turn. */
function setEntry(index: number, address: number, expected: number, flags: number): void {
  const at = index * ENTRY_BYTE_LENGTH;
  entries.setUint32(at, expected, true);
  entries.setUint32(at + 8, address, true);
  entries.setUint32(at + 12, address / 2 ** 32, true);
  entries.setUint32(at + 16, FUTEX2_SIZE_U32 | flags, true);
}

/** Sets the end of the parked call: the first deadline, and `atMostMs` at the latest. */
function setEnd(atMostMs: number): void {
  const now = performance.now();
  let leftMs = atMostMs;
  for (const { deadline } of waits) leftMs = Math.min(leftMs, deadline - now);
  libc().clock_gettime(CLOCK_MONOTONIC, timespecBytes);
  const nanoseconds = timespec[1]! + BigInt(Math.ceil(Math.max(0, leftMs) * 1e6));
  timespec[0]! += nanoseconds / 1_000_000_000n;
  timespec[1] = nanoseconds % 1_000_000_000n;
}

let available: boolean | undefined;

/** Asks once: a call with no words is EINVAL where there is such a call, and ENOSYS elsewhere. */
function waitvAvailable(): boolean {
  if (available !== undefined) return available;
  if (platform().os !== "linux") return available = false;
  libc().futexWaitv(BigInt(SYS_futex_waitv), entryBytes, 0, 0, null, CLOCK_MONOTONIC);
  return available = errnoName(lastErrno()) === "EINVAL";
}

/** How often the values are looked at where nothing can wait for them. */
const LOOK_MS = 2;

async function lookAgain(): Promise<undefined> {
  await new Promise<void>((resolve) => setTimeout(resolve, LOOK_MS));
}
