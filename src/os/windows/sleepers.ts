/**
 * Who sleeps where. Windows has no call that waits for a word in memory that processes share, so there
 * is a table of all sleepers of a session, and each has an event that wakes it.
 *
 * The table has BUCKETS buckets. A word's key, 64 bits of a hash, selects one, which has one word that
 * counts its sleepers, and SLOTS slots:
 *
 * | word | what |
 * |---|---|
 * | 0 | FREE; WAITING or WOKEN, and the slot's use; or, while it is being filled, CLAIMED and the sleeper's thread |
 * | 1, 2 | the key of the word that is waited for |
 * | 3 | the sleeper's thread |
 * | 4 | which event wakes it: its name has this number and the thread's |
 * | 5 | the last use of the slot: each has another number |
 * | 6, 7 | where the word lies in its object, in bytes; for display only |
 *
 * A sleeper writes its slot, then looks at the word, and then sleeps. Who wakes has changed the word
 * before it looks at the table. So one of them sees the other. The use keeps who has read a slot from
 * waking or freeing the next sleeper in it.
 *
 * C programs use the same table (`languages/c/mmap_windows.h`).
 */

import { bufferOver } from "../../../ffi/memory.ts";
import { checkAddress, checkHandle, ERROR_FILE_NOT_FOUND } from "../../../ffi/windows/errors.ts";
import { lastError, wide, windows } from "../../../ffi/windows/library.ts";
import { PAGE_READWRITE } from "./allocations.ts";
import { close } from "./files.ts";
import { hasEnded, openThread, processes } from "./processes.ts";

const BUCKETS = 256;
const SLOTS = 64;
const SLOT_WORDS = 8;
const BUCKET_WORDS = 16 + SLOTS * SLOT_WORDS;
const TABLE_BYTE_LENGTH = 4 * BUCKETS * BUCKET_WORDS;
const TABLE_NAME = "Local\\mmap.sleepers.2";

const FREE = 0;
const WAITING = 1;
const WOKEN = 2;
/** Which of them, in a state that is not CLAIMED. */
const KIND = 3;
const USES = 0x0fffffff;
const CLAIMED = 0x40000000;

const FILE_MAP_WRITE = 2;
const EVENT_MODIFY_STATE = 2;

let cells: Int32Array | null | undefined;

/** Null if it is another user's: then words are looked at, from time to time. */
function table(): Int32Array | null {
  if (cells === undefined) cells = unlessDenied(openTable);
  return cells;
}

function unlessDenied<T>(call: () => T): T | null {
  try {
    return call();
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return null;
    throw error;
  }
}

function openTable(): Int32Array {
  const { CreateFileMappingW, MapViewOfFile } = windows();
  const section = checkHandle(
    CreateFileMappingW(-1n, null, PAGE_READWRITE, 0, TABLE_BYTE_LENGTH, wide(TABLE_NAME)),
    lastError[0]!,
    "CreateFileMappingW",
  );
  const pointer = checkAddress(
    MapViewOfFile(BigInt(section), FILE_MAP_WRITE, 0, 0, BigInt(TABLE_BYTE_LENGTH)),
    lastError[0]!,
    "MapViewOfFile",
  );
  // It stays open: the name is the handle's, not the view's.
  // SAFETY: the view stays as long as this isolate.
  return new Int32Array(bufferOver({ pointer, byteLength: TABLE_BYTE_LENGTH }));
}

/** What a word is called in the table. */
export interface Key {
  readonly low: number;
  readonly high: number;
}

function bucketOf({ low, high }: Key): number {
  return (Math.imul(low ^ high, 0x9e3779b1) >>> 24) % BUCKETS * BUCKET_WORDS;
}

/** The event that wakes an isolate, from one kind of sleep. */
export class WakeEvent {
  readonly number: number;
  readonly #handle: number;

  constructor() {
    this.number = crypto.getRandomValues(new Int32Array(1))[0]!;
    const name = eventName(processes.thread().number, this.number);
    const { CreateEventW } = windows();
    this.#handle = checkHandle(
      CreateEventW(null, 0, 0, name),
      lastError[0]!,
      "CreateEventW",
    );
  }

  /** Sleeps until the event is set, or the time is up. */
  sleep(timeoutMs: number): void {
    windows().WaitForSingleObject(BigInt(this.#handle), Math.ceil(timeoutMs));
  }

  /** The same on another thread. */
  async sleepOffThread(timeoutMs: number): Promise<void> {
    await windows().waitOffThread(BigInt(this.#handle), Math.ceil(timeoutMs));
  }

  set(): void {
    windows().SetEvent(BigInt(this.#handle));
  }
}

function eventName(thread: number, number: number): Uint8Array<ArrayBuffer> {
  return wide(`Local\\mmap.wake.${thread}.${number >>> 0}`);
}

/** A slot of this isolate. */
export class Sleeper {
  readonly #words: Int32Array;
  readonly #bucket: number;
  readonly #slot: number;
  readonly key: Key;

  private constructor(key: Key, words: Int32Array, bucket: number, slot: number) {
    this.key = key;
    this.#words = words;
    this.#bucket = bucket;
    this.#slot = slot;
  }

  /**
   * Takes a slot.
   *
   * @param byteOffset where the word lies in its object
   * @returns undefined if there is none: then the word has to be looked at
   */
  static begin(key: Key, byteOffset: number, event: WakeEvent): Sleeper | undefined {
    const words = table();
    if (words === null) return undefined;
    const bucket = bucketOf(key);
    const thread = processes.thread().number;
    const slot = claim(words, bucket, thread) ??
      (sweep(words, bucket) ? claim(words, bucket, thread) : undefined);
    if (slot === undefined) return undefined;
    words[slot + 1] = key.low;
    words[slot + 2] = key.high;
    words[slot + 3] = thread;
    words[slot + 4] = event.number;
    const use = words[slot + 5]! + 1 & USES;
    words[slot + 5] = use;
    words[slot + 6] = byteOffset;
    words[slot + 7] = Math.floor(byteOffset / 2 ** 32);
    // Pairs with the load in `wake`: the sleeper counts before it looks at its word.
    Atomics.add(words, bucket, 1);
    Atomics.store(words, slot, use << 2 | WAITING);
    return new Sleeper(key, words, bucket, slot);
  }

  isOf({ low, high }: Key): boolean {
    return this.key.low === low && this.key.high === high;
  }

  get isWoken(): boolean {
    return (Atomics.load(this.#words, this.#slot) & KIND) === WOKEN;
  }

  /** Gives the slot back. @returns whether it was woken */
  end(): boolean {
    const state = Atomics.exchange(this.#words, this.#slot, FREE);
    // After that: a slot of a dead sleeper is counted off by whoever frees it.
    Atomics.sub(this.#words, this.#bucket, 1);
    return (state & KIND) === WOKEN;
  }
}

function isWaiting(state: number): boolean {
  return (state & CLAIMED) === 0 && (state & KIND) === WAITING;
}

/** A slot whose thread sleeps, if it still lives. */
export interface SeenSleeper {
  readonly tid: number;
  readonly key: Key;
  readonly byteOffset: number;
}

/** Those who sleep now; undefined if the table is another user's. This only reads. */
export function sleepersNow(): SeenSleeper[] | undefined {
  const words = table();
  if (words === null) return undefined;
  const found: SeenSleeper[] = [];
  for (let bucket = 0; bucket < words.length; bucket += BUCKET_WORDS) {
    if (Atomics.load(words, bucket) === 0) continue;
    for (let slot = bucket + 16; slot < bucket + BUCKET_WORDS; slot += SLOT_WORDS) {
      const [state, low, high, tid, , , start, upper] = words.slice(slot, slot + SLOT_WORDS) as
        & Int32Array
        & [number, number, number, number, number, number, number, number];
      if (!isWaiting(state)) continue;
      found.push({ tid, key: { low, high }, byteOffset: upper * 2 ** 32 + (start >>> 0) });
    }
  }
  return found;
}

function claim(words: Int32Array, bucket: number, thread: number): number | undefined {
  for (let slot = bucket + 16; slot < bucket + BUCKET_WORDS; slot += SLOT_WORDS) {
    if (Atomics.load(words, slot) !== FREE) continue;
    if (Atomics.compareExchange(words, slot, FREE, CLAIMED | thread) === FREE) return slot;
  }
  return undefined;
}

/** Frees the slots of the dead. @returns whether there was one */
function sweep(words: Int32Array, bucket: number): boolean {
  let freed = false;
  for (let slot = bucket + 16; slot < bucket + BUCKET_WORDS; slot += SLOT_WORDS) {
    const state = Atomics.load(words, slot);
    if (state === FREE) continue;
    const isClaimed = (state & CLAIMED) !== 0;
    const isDead = isClaimed
      ? processes.isDead(state & ~CLAIMED, 0)
      : eventOf(words[slot + 3]!, words[slot + 4]!) === "dead";
    if (isDead && free(words, bucket, slot, state)) freed = true;
  }
  return freed;
}

/** Frees a dead sleeper's slot. It has counted itself if it was not killed right then. */
function free(words: Int32Array, bucket: number, slot: number, state: number): boolean {
  if (Atomics.compareExchange(words, slot, state, FREE) !== state) return false;
  if ((state & CLAIMED) === 0) Atomics.sub(words, bucket, 1);
  return true;
}

/** What wakes a sleeper, and its thread. Open handles: numbers are used again, handles are not. */
interface Known {
  readonly event: number;
  readonly thread: number;
}

const known = new Map<string, Known>();

/**
 * The event of a sleeper; "hidden" if it cannot be had. An event is there as long as anybody has it open,
 * and its process may live on without its Worker: so the thread is asked.
 */
function eventOf(thread: number, number: number): number | "dead" | "hidden" {
  const name = `${thread} ${number}`;
  const found = known.get(name) ?? open(name, thread, number);
  if (typeof found === "string") return found;
  if (!hasEnded(found.thread)) return found.event;
  forget(name, found);
  return "dead";
}

function forget(name: string, { event, thread }: Known): void {
  known.delete(name);
  close(event);
  close(thread);
}

/** How many may be known before the ended ones are forgotten. */
let mostKnown = 64;

function forgetEnded(): void {
  for (const [name, found] of known) if (hasEnded(found.thread)) forget(name, found);
  mostKnown = Math.max(mostKnown, 2 * known.size);
}

function open(name: string, thread: number, number: number): Known | "dead" | "hidden" {
  const event = windows().OpenEventW(EVENT_MODIFY_STATE, 0, eventName(thread, number));
  if (event === 0) return lastError[0] === ERROR_FILE_NOT_FOUND ? "dead" : "hidden";
  const handle = openThread(thread);
  if (typeof handle !== "number") {
    close(event);
    return handle ?? "dead";
  }
  const found = { event, thread: handle };
  if (known.size >= mostKnown) forgetEnded();
  known.set(name, found);
  return found;
}

/** Wakes sleepers of a key. @returns how many */
export function wake(key: Key, count: number): number {
  const words = table();
  if (words === null) return 0;
  const bucket = bucketOf(key);
  // Pairs with the addition in `Sleeper.begin`: the word was changed before.
  if (Atomics.load(words, bucket) === 0) return 0;
  let woken = 0;
  for (let slot = bucket + 16; slot < bucket + BUCKET_WORDS && woken < count; slot += SLOT_WORDS) {
    const state = Atomics.load(words, slot);
    if (!isWaiting(state)) continue;
    if (words[slot + 1] !== key.low || words[slot + 2] !== key.high) continue;
    const event = eventOf(words[slot + 3]!, words[slot + 4]!);
    if (event === "dead") free(words, bucket, slot, state);
    if (typeof event === "string") continue;
    if (Atomics.compareExchange(words, slot, state, state ^ WAITING ^ WOKEN) !== state) continue;
    windows().SetEvent(BigInt(event));
    woken++;
  }
  return woken;
}
