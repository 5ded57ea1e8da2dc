/** The ring of a broadcast as one reader sees it. Nothing here waits, and nothing is written. */

import { copyOut, pooledCopy } from "../../mapping/slab.ts";
import { loadAfter } from "../../wait/order.ts";
import { EPOCH, numberIn, OLDEST, TAIL } from "./broadcast_layout.ts";
import { loadCount } from "../counts.ts";
import {
  PADDING,
  RECORD_HEADER_BYTE_LENGTH,
  UNIT_BYTE_LENGTH,
  unitsOf,
  UPPER_HALF,
} from "../layout.ts";
import type { RingMemory } from "../ring_memory.ts";

/**
 * How often a reader may be overtaken in one call. A reader that is always too slow must let other
 * work of its thread run.
 */
const TRIES = 100;

/** Finds records, copies them, and then checks that they were not overwritten. */
export class BroadcastReader {
  readonly #memory: RingMemory;
  readonly #units: number;
  readonly #pooled: boolean;
  /** The position of the next record. */
  #head = 0;
  /** The end of the published records at the last look. */
  #tail = 0;
  /** The number of the next message. */
  #number = 0;
  /** The halves of OLDEST at the last look. */
  #oldestLow = 0;
  #oldestHigh = 0;
  /** How many messages were overwritten before this reader received them. */
  lost = 0;

  /**
   * @param pooled whether short messages share buffers
   * @param from begin after the published records, or at the oldest record that is kept
   * @throws {Deno.errors.InvalidData} If the ring is damaged.
   */
  constructor(memory: RingMemory, pooled: boolean, from: "newest" | "oldest") {
    this.#memory = memory;
    this.#units = memory.capacity / 8;
    this.#pooled = pooled;
    const start = from === "newest" ? TAIL : OLDEST;
    for (let i = 0; !this.#moveTo(loadCount(memory.cells, start)); i++) {
      if (i === TRIES) throw damaged(memory, "its positions contradict each other");
    }
    this.lost = 0;
    memory.check();
  }

  /** Reads its state again after the memory was lost and repaired. */
  reload(): void {
    const { cells } = this.#memory;
    const oldest = loadCount(cells, OLDEST);
    this.#tail = this.#head;
    if (this.#head >= oldest && this.#head <= loadCount(cells, TAIL)) return;
    // The ring was started again.
    this.#number = 0;
    this.#moveTo(oldest);
  }

  /**
   * Moves forward to a position, and counts the skipped messages.
   *
   * @returns false if it was overtaken
   */
  #moveTo(position: number): boolean {
    const { cells, ring } = this.#memory;
    const low = ring[2 * this.#indexOf(position) + 1]!;
    const number = numberIn(Atomics.load(cells, EPOCH), low);
    this.#head = this.#tail = position;
    if (this.#wasOvertaken()) return false;
    if (number < this.#number) {
      throw damaged(this.#memory, `message ${number} comes after message ${this.#number}`);
    }
    this.lost += number - this.#number;
    this.#number = number;
    return true;
  }

  #indexOf(position: number): number {
    return position & (this.#units - 1);
  }

  /** Whether the record at the head may have been overwritten meanwhile. */
  #wasOvertaken(): boolean {
    // Pairs with the fence in `BroadcastWriter`: if anything that was read before is newer than the
    // record, OLDEST is seen to have passed it.
    const { cells } = this.#memory;
    const low = loadAfter(cells, OLDEST);
    // Usually OLDEST has not moved, and the head is not before it.
    if (low === this.#oldestLow && cells[OLDEST + 1] === this.#oldestHigh) return false;
    const oldest = loadCount(cells, OLDEST);
    if (this.#head < oldest) return true;
    this.#oldestLow = oldest | 0;
    this.#oldestHigh = Math.floor(oldest / UPPER_HALF);
    return false;
  }

  /**
   * Takes the next message.
   *
   * @returns undefined if there is no message now
   * @throws {Deno.errors.InvalidData} If the ring is damaged.
   */
  take(): Uint8Array<ArrayBuffer> | undefined {
    const { cells } = this.#memory;
    for (let i = 0; i < TRIES; i++) {
      if (this.#head === this.#tail) {
        // Pairs with the store in `BroadcastWriter.publish`.
        this.#tail = loadCount(cells, TAIL);
        if (this.#head === this.#tail) return undefined;
      }
      const message = this.#read();
      if (message !== undefined) return message;
      this.#moveTo(loadCount(cells, OLDEST));
    }
    return undefined;
  }

  /** @returns undefined if it was overtaken */
  #read(): Uint8Array<ArrayBuffer> | undefined {
    const { ring, bytes } = this.#memory;
    let start = this.#head;
    let index = this.#indexOf(start);
    let byteLength = ring[2 * index]!;
    if (byteLength === PADDING) {
      start += this.#units - index;
      index = 0;
      byteLength = ring[0]!;
    }
    const units = unitsOf(byteLength);
    const isRecord = byteLength >= 0 && byteLength <= this.#memory.longest &&
      index + units <= this.#units && start + units <= this.#tail &&
      this.#tail - this.#head <= this.#units &&
      ring[2 * index + 1] === (this.#number | 0);
    if (!isRecord) {
      if (this.#wasOvertaken()) return undefined;
      throw damaged(this.#memory, `message ${this.#number} does not begin at ${start}`);
    }
    const at = 8 * index + RECORD_HEADER_BYTE_LENGTH;
    const message = this.#pooled
      ? pooledCopy(bytes, ring, at >> 2, byteLength)
      : copyOut(bytes, at, byteLength);
    if (this.#wasOvertaken()) return undefined;
    this.#head = start + units;
    this.#number++;
    return message;
  }
}

/** The result of `Broadcast.stats`. Bytes are counted as in the ring, with headers and padding. */
export interface BroadcastStats {
  /** How many bytes were ever published. */
  readonly publishedByteLength: number;
  /** How many of them are kept. */
  readonly keptByteLength: number;
  /** How many messages were ever published. */
  readonly published: number;
  /** How many of them are kept: a reader further behind has lost messages. */
  readonly kept: number;
  /** The process of the writer, alive or dead; null if there is none. */
  readonly writer: number | null;
}

/** A writer needs longer for a message than a look does. */
const MOST_LOOKS = 1000;

/** The present state; while somebody publishes, of slightly different moments. */
export function broadcastStats(memory: RingMemory): Omit<BroadcastStats, "writer"> {
  for (let looks = 1;; looks++) {
    const { cells } = memory;
    const oldest = loadCount(cells, OLDEST);
    const tail = loadCount(cells, TAIL);
    const numberAt = (position: number): number =>
      numberIn(
        Atomics.load(cells, EPOCH),
        memory.ring[2 * (position % (memory.capacity / 8)) + 1]!,
      );
    const [first, next] = [numberAt(oldest), numberAt(tail)];
    // As in `next`: a record is whole if OLDEST has not passed it since.
    loadAfter(cells, OLDEST);
    const isSame = loadCount(cells, OLDEST) === oldest && loadCount(cells, TAIL) === tail;
    if (!isSame && looks < MOST_LOOKS) continue;
    memory.check();
    const units = tail - oldest;
    if (units < 0 || 8 * units > memory.capacity || first > next) {
      throw damaged(memory, `its records cannot run from ${oldest} to ${tail}`);
    }
    return {
      publishedByteLength: UNIT_BYTE_LENGTH * tail,
      keptByteLength: UNIT_BYTE_LENGTH * units,
      published: next,
      kept: next - first,
    };
  }
}

function damaged(memory: RingMemory, how: string): Error {
  memory.check(); // zeros of a lost page are not damage
  return new Deno.errors.InvalidData(`Cannot receive message: the ring is damaged, ${how}`);
}
