/** Waiting for words, by the table of sleepers. */

import { addressOf } from "../../../ffi/memory.ts";
import { int32At } from "../../../ffi/windows/library.ts";
import type {
  ManyWaiting,
  ObjectStatus,
  SystemWord,
  WaitEntry,
  WaitingSystem,
  WaitResult,
} from "../system.ts";
import { statusOfObject } from "./objects.ts";
import { isSection } from "./sections.ts";
import { type Key, Sleeper, wake, WakeEvent } from "./sleepers.ts";

const keys = new WeakMap<SystemWord, Key>();

/** The same for all who map an object, wherever; of private memory, for this process alone. */
function keyOf(word: SystemWord): Key {
  let key = keys.get(word);
  if (key === undefined) keys.set(word, key = makeKey(word));
  return key;
}

function makeKey({ object, byteOffset, pointer }: SystemWord): Key {
  if (object === undefined) return hashOf(`${Deno.pid} ${addressOf(pointer)}`);
  return keyAt(statusOfObject(object), byteOffset);
}

/** What a word of an object is called. */
export function keyAt(
  { device, inode }: Pick<ObjectStatus, "device" | "inode">,
  byteOffset: number,
): Key {
  return hashOf(`${device} ${inode} ${byteOffset}`);
}

/** Two hashes as in FNV-1a. */
function hashOf(text: string): Key {
  let [low, high] = [0x811c9dc5, 0x9747b28c];
  for (let i = 0; i < text.length; i++) {
    low = Math.imul(low ^ text.charCodeAt(i), 0x01000193);
    high = Math.imul(high ^ text.charCodeAt(i), 0x85ebca6b) ^ high >>> 13;
  }
  return { low, high: high | 0 };
}

/**
 * The longest sleep on a file's word: programs of other sessions may map it, who have another table. And
 * where a bucket is full.
 */
const LOOK_MS = 50;

/** How long to sleep at once. */
function sliceOf({ object }: Pick<SystemWord, "object">, isInTable: boolean): number {
  return isInTable && (object === undefined || isSection(object)) ? Infinity : LOOK_MS;
}

let blocking: WakeEvent | undefined;

function wait(word: SystemWord, expected: number, timeoutMs: number): WaitResult {
  const event = blocking ??= new WakeEvent();
  const sleeper = Sleeper.begin(keyOf(word), word.byteOffset, event);
  const slice = sliceOf(word, sleeper !== undefined);
  const deadline = performance.now() + timeoutMs;
  let result: WaitResult = "not-equal";
  for (let leftMs = timeoutMs; int32At(word.pointer) === expected;) {
    event.sleep(Math.min(leftMs, slice));
    result = "ok"; // also if the event was left over from an earlier sleep
    if (sleeper?.isWoken) break;
    leftMs = deadline - performance.now();
    if (leftMs > 0) continue;
    result = "timed-out";
    break;
  }
  return sleeper?.end() === true ? "ok" : result;
}

/** Awaited waits: one event for all of an isolate's words, and one parked call. */
class Parked implements ManyWaiting {
  readonly capacity = Infinity;
  readonly #event = new WakeEvent();
  /** By the addresses of their words; undefined for one whose bucket is full. */
  readonly #sleepers = new Map<number, Sleeper | undefined>();

  async park(entries: readonly WaitEntry[], timeoutMs: number): Promise<number | undefined> {
    let slice = timeoutMs;
    for (const entry of entries) {
      const isInTable = this.#enter(entry);
      slice = Math.min(slice, sliceOf(entry.place, isInTable));
    }
    const isUnchanged = ({ place, expected }: WaitEntry): boolean =>
      int32At(place.pointer) === expected;
    const isQuiet = !entries.some(({ address }) => this.#sleepers.get(address)?.isWoken);
    if (isQuiet && entries.every(isUnchanged)) await this.#event.sleepOffThread(slice);
    return this.#takeWoken(entries);
  }

  interrupt(): void {
    this.#event.set();
  }

  keepOnly(addresses: ReadonlySet<number>): Promise<void> {
    for (const address of this.#sleepers.keys()) if (!addresses.has(address)) this.#leave(address);
    return Promise.resolve();
  }

  /** @returns whether the word has a slot */
  #enter({ place, address }: WaitEntry): boolean {
    const key = keyOf(place);
    const known = this.#sleepers.get(address);
    if (known?.isOf(key)) return true;
    this.#leave(address); // other memory had that address before
    const sleeper = Sleeper.begin(key, place.byteOffset, this.#event);
    this.#sleepers.set(address, sleeper);
    return sleeper !== undefined;
  }

  /** One of the words that were woken. */
  #takeWoken(entries: readonly WaitEntry[]): number | undefined {
    const index = entries.findIndex(({ address }) => this.#sleepers.get(address)?.isWoken);
    if (index === -1) return undefined;
    const { address } = entries[index]!;
    this.#sleepers.get(address)?.end();
    this.#sleepers.delete(address);
    return index;
  }

  /** Nobody waits for a word any more: a wake-up that came meanwhile is somebody else's. */
  #leave(address: number): void {
    const sleeper = this.#sleepers.get(address);
    this.#sleepers.delete(address);
    if (sleeper?.end() === true) wake(sleeper.key, 1);
  }
}

let parked: Parked | undefined;

export const waiting: WaitingSystem = {
  wait,
  wake: (word, count) => wake(keyOf(word), count),
  many: () => parked ??= new Parked(),
};
