/** The ring of a broadcast as its writer sees it. Nothing here waits. */

import { fence } from "../../wait/order.ts";
import { BELL, EPOCH, epochOf, numberIn, OLDEST, TAIL } from "./broadcast_layout.ts";
import { copyIn } from "../copy.ts";
import { loadCount, storeCount } from "../counts.ts";
import { PADDING, RECORD_HEADER_BYTE_LENGTH, unitsOf } from "../layout.ts";
import type { RingMemory } from "../ring_memory.ts";

/** Writes records over the oldest ones. Positions count units of 8 bytes, and never wrap. */
export class BroadcastWriter {
  readonly #memory: RingMemory;
  readonly #units: number;
  /** The end of the published records. */
  #tail = 0;
  /** The position of the oldest record that is kept. */
  #oldest = 0;
  /** The number of the next message. */
  #number = 0;

  constructor(memory: RingMemory) {
    this.#memory = memory;
    this.#units = memory.capacity / 8;
  }

  /**
   * Takes over from another writer. Records that it had not published are overwritten.
   *
   * @throws {Deno.errors.InvalidData} If the positions contradict each other.
   */
  reload(): void {
    const { cells, ring } = this.#memory;
    const tail = loadCount(cells, TAIL);
    const oldest = loadCount(cells, OLDEST);
    this.#memory.check();
    if (!(oldest >= 0 && oldest <= tail && tail - oldest <= this.#units)) {
      throw new Deno.errors.InvalidData(
        `Cannot publish message: the ring is damaged, its records cannot run from ${oldest} to ${tail}`,
      );
    }
    this.#tail = tail;
    this.#oldest = oldest;
    this.#number = numberIn(Atomics.load(cells, EPOCH), ring[2 * this.#indexOf(tail) + 1]!);
  }

  #indexOf(position: number): number {
    return position & (this.#units - 1);
  }

  /** Publishes a message of at most `longest` bytes. */
  publish(message: Uint8Array, byteLength: number): void {
    const { cells, ring, bytes } = this.#memory;
    const units = unitsOf(byteLength);
    const index = this.#indexOf(this.#tail);
    const fits = index + units <= this.#units;
    const next = this.#tail + units + (fits ? 0 : this.#units - index);
    // One more unit, because the number of the next message is written too.
    if (next + 1 - this.#oldest > this.#units) this.#makeRoom(next + 1);
    const start = fits ? index : 0;
    if (!fits) {
      ring[2 * index] = PADDING;
      ring[1] = this.#number | 0;
    }
    ring[2 * start] = byteLength;
    copyIn(bytes, 8 * start + RECORD_HEADER_BYTE_LENGTH, message, byteLength);
    this.#numberNext(cells, ring, next);
    // Pairs with the loads in `BroadcastReader`: a reader that sees the new tail sees the record
    // and the number after it. This comes before the look at the bell: a reader sets the bell and
    // then looks at the tail.
    this.#memory.check(); // or readers would get what is there instead
    storeCount(this.#memory, TAIL, next, this.#tail);
    this.#tail = next;
    if (Atomics.load(cells, BELL) !== 0) this.#memory.wake(BELL);
  }

  #numberNext(cells: Int32Array, ring: Int32Array, next: number): void {
    const number = ++this.#number;
    ring[2 * this.#indexOf(next) + 1] = number | 0;
    // Before the number is visible; numbers of the previous epoch are still understood.
    if ((number & 0x7fffffff) === 0) Atomics.store(cells, EPOCH, epochOf(number));
  }

  /**
   * Gives up the oldest records, so that the ring can be written up to `end`. It gives up more than
   * necessary: so readers at the oldest record have some time to read it, and OLDEST need not be
   * moved for each message.
   */
  #makeRoom(end: number): void {
    const enough = Math.min(end - this.#units + (this.#units >> 3), this.#tail);
    let oldest = this.#oldest;
    while (oldest < enough) oldest = this.#after(oldest);
    storeCount(this.#memory, OLDEST, oldest, this.#oldest);
    this.#oldest = oldest;
    // Pairs with `loadAfter` in `BroadcastReader`: a reader that read anything written after this
    // sees that OLDEST has moved.
    fence();
  }

  /** The position of the record after the one at `position`. */
  #after(position: number): number {
    const index = this.#indexOf(position);
    const byteLength = this.#memory.ring[2 * index]!;
    const isPadding = byteLength === PADDING;
    const isRecord = byteLength >= 0 && byteLength <= this.#memory.longest;
    // If somebody has written nonsense, everything is given up, since the next record cannot be
    // found.
    if (!isPadding && !isRecord) return this.#tail;
    return Math.min(position + (isPadding ? this.#units - index : unitsOf(byteLength)), this.#tail);
  }
}
