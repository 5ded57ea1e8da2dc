/**
 * One waiter per isolate for all pending asynchronous waits.
 *
 * A call that waits off this thread parks a thread of the pool that Deno's file operations use, so
 * there is at most one, for all words at once. It is interrupted when the set of words changes. If
 * there are more words than one call takes, the waiter takes them in turns, and looks at the values
 * of all of them every few milliseconds.
 *
 * On systems without such a call, a timer polls the values instead, and does not notice a wake-up
 * that changes no value.
 */

import { addressOf } from "../../ffi/memory.ts";
import type { LossWatch } from "../mapping/loss.ts";
import { system } from "../os/mod.ts";
import type { ManyWaiting, SystemWord } from "../os/system.ts";
import type { WaitResult } from "./words.ts";

/** A word in mapped memory, which stays mapped while it is waited for. */
interface Word {
  readonly cells: Int32Array;
  readonly index: number;
  /** The same for the system. */
  readonly place: SystemWord;
  readonly lossWatch: LossWatch;
}

interface Wait {
  readonly word: Word;
  readonly place: SystemWord;
  /** A number, since user space ends far below 2^53. */
  readonly address: number;
  readonly expected: number;
  readonly deadline: number;
  readonly settle: (result: WaitResult) => void;
}

const waits = new Set<Wait>();
let running = false;
/** The system's way to wait for several words; undefined if it has none. */
let many: ManyWaiting | undefined;
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
    many?.interrupt();
    // Only after the interrupted call is over, since it uses the word's address.
    (parking ?? Promise.resolve()).then(letGo).then(() => reject(signal!.reason));
  };
  const settle = (result: WaitResult): void => {
    if (signal !== undefined) removeEnd(signal, abort);
    resolve(result);
  };
  const deadline = performance.now() + timeoutMs;
  const { place } = word;
  const address = Number(addressOf(place.pointer));
  const wait = { word, place, address, expected, deadline, settle };
  if (signal !== undefined) addEnd(signal, abort);
  waits.add(wait);
  many?.interrupt();
  if (!running) run();
  return promise;
}

/** The waits that each signal ends. */
const endings = new Map<AbortSignal, Endings>();

/** Has a signal call `end` when it is aborted. */
export function addEnd(signal: AbortSignal, end: () => void): void {
  (endings.get(signal) ?? new Endings(signal)).add(end);
}

/** Calls off what `addEnd` began. */
export function removeEnd(signal: AbortSignal, end: () => void): void {
  endings.get(signal)?.remove(end);
}

/**
 * The waits of one signal. They share a listener, because a signal scans all of its listeners to
 * remove one: a thousand waits would take a million steps.
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

  /**
   * The listener is removed with the last wait: a signal with listeners may keep a program alive.
   */
  remove(end: () => void): void {
    if (this.#ends.delete(end) && this.#ends.size === 0) this.#close();
  }

  #close(): void {
    endings.delete(this.#signal);
    this.#signal.removeEventListener("abort", this.#endAll);
  }
}

/** The value of a word; undefined if its region was closed meanwhile, which detaches its views. */
function valueOf({ cells, index }: Word): number | undefined {
  return cells.length === 0 ? undefined : Atomics.load(cells, index);
}

/** Runs as long as there are waits, so that it does not keep a finished program alive. */
async function run(): Promise<void> {
  running = true;
  many = system().waiting.many();
  // Other waits that begin in this turn of the event loop are included.
  await Promise.resolve();
  try {
    while (waits.size > 0) {
      parking = many === undefined ? lookAgain() : parkOnce(many);
      const due = takeDue(await parking);
      await letGo();
      for (const [wait, result] of due) wait.settle(result);
    }
  } finally {
    parking = undefined;
    running = false;
  }
}

/** Who goes on leaves no call behind. */
function letGo(): Promise<void> | undefined {
  return many?.keepOnly?.(new Set(Array.from(waits, ({ address }) => address)));
}

/** Takes every wait whose word was woken or has changed, or whose time is up. */
function takeDue(wokenAddress: number | undefined): Map<Wait, WaitResult> {
  const now = performance.now();
  const ended = new Map<Wait, WaitResult>();
  for (const wait of waits) {
    const { word } = wait;
    // Each word is read, since only that shows that a page is missing, before the watch is asked.
    const due = valueOf(word) !== wait.expected || wait.address === wokenAddress ||
      !word.lossWatch.intact;
    if (due || wait.deadline <= now) ended.set(wait, due ? "ok" : "timed-out");
  }
  for (const wait of ended.keys()) waits.delete(wait);
  return ended;
}

/**
 * The longest parked call, so that a terminated Worker does not hold a thread of the pool for long.
 */
const LONGEST_MS = 1000;

/** The interval at which all words are looked at, if there are more than one call takes. */
const ROTATION_MS = 10;

/** Parks until one of the words was woken. @returns its address, if it is known */
async function parkOnce(many: ManyWaiting): Promise<number | undefined> {
  const { group, isAll } = nextGroup(many.capacity);
  const index = await many.park(group, untilDue(isAll ? LONGEST_MS : ROTATION_MS));
  return index === undefined ? undefined : group[index]?.address;
}

/**
 * One wait for each word, up to the capacity of a call. If there are more, each call takes the next
 * ones.
 */
function nextGroup(capacity: number): { group: Wait[]; isAll: boolean } {
  const words = new Map<number, Wait>();
  let isAll = true;
  for (const wait of waits) {
    if (words.has(wait.address)) continue;
    isAll = words.size < capacity;
    if (!isAll) break;
    words.set(wait.address, wait);
  }
  const group = [...words.values()];
  // They have had their turn, and move to the end of the queue.
  if (!isAll) group.forEach((wait) => waits.delete(wait) && waits.add(wait));
  return { group, isAll };
}

/** The time until the first deadline, at most `atMostMs`. */
function untilDue(atMostMs: number): number {
  const now = performance.now();
  let leftMs = atMostMs;
  for (const { deadline } of waits) leftMs = Math.min(leftMs, deadline - now);
  return Math.max(0, leftMs);
}

/** The polling interval on systems that cannot wait for several words. */
const LOOK_MS = 2;

async function lookAgain(): Promise<undefined> {
  await new Promise<void>((resolve) => setTimeout(resolve, LOOK_MS));
}
