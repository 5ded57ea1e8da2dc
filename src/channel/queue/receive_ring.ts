/** The ring as a consumer sees it. Nothing here waits; one consumer at a time may use it. */

import { copyOut, pooledCopy } from "../../mapping/slab.ts";
import { PADDING, RECORD_HEADER_BYTE_LENGTH, unitsOf, UPPER_HALF } from "../layout.ts";
import { HEAD, RECEIVE_BELL, SEND_BELL, TAIL } from "./queue_layout.ts";
import { positionIn, type RingMemory } from "../ring_memory.ts";
import { readFirst } from "../../wait/order.ts";

/** Finds records and releases them. Positions count units of 8 bytes, and never wrap. */
export class ReceiveRing {
  readonly #memory: RingMemory;
  readonly #units: number;
  /** The position of the next record that was not taken. */
  #head = 0;
  /** The end of the published records at the last look. */
  #tail = 0;
  /** The position at which the upper half changes. */
  #nextHalf = 0;
  /** The length of the message that `next` found. */
  byteLength = 0;

  readonly #pooled: boolean;

  /** @param pooled whether short messages share buffers */
  constructor(memory: RingMemory, pooled: boolean) {
    this.#memory = memory;
    this.#pooled = pooled;
    this.#units = memory.capacity / 8;
  }

  /** Takes over from another consumer. */
  reload(): void {
    this.#moveTo(this.#memory.position(HEAD), this.#memory.position(TAIL));
  }

  /** As `reload`, with the consumers' lock: often nobody else has taken any since this one's last turn. */
  takeOver(cells: Int32Array): void {
    if (positionIn(cells, HEAD) !== this.#head) this.#follow();
  }

  #follow(): void {
    const memory = this.#memory;
    const head = memory.ownPosition(HEAD);
    // Producers are at most a ring ahead. Pairs with the store in `SendRing.publish`, as in `#look`.
    const left = (readFirst(memory.cells, TAIL) - head) >>> 0;
    this.#moveTo(head, left <= this.#units ? head + left : memory.position(TAIL));
  }

  #moveTo(head: number, tail: number): void {
    this.#head = head;
    this.#nextHalf = (Math.floor(head / UPPER_HALF) + 1) * UPPER_HALF;
    this.#tail = tail;
  }

  /**
   * The next message; its length is in `byteLength`.
   *
   * @returns its offset in the ring's bytes; -1 if there is none now
   * @throws {Deno.errors.InvalidData} If there is no valid record.
   */
  next(): number {
    const { ring } = this.#memory;
    if (this.#head === this.#tail && !this.#look()) return -1;
    let index = this.#head & (this.#units - 1);
    let byteLength = ring[2 * index]!;
    if (byteLength === PADDING) {
      this.#head += this.#units - index;
      index = 0;
      byteLength = ring[0]!;
    }
    this.#check(byteLength, index);
    this.byteLength = byteLength;
    return 8 * index + RECORD_HEADER_BYTE_LENGTH;
  }

  /** Whether more was published since the last look. */
  #look(): boolean {
    // Pairs with the store in `SendRing.publish`: the records are read after the tail.
    const more = (readFirst(this.#memory.cells, TAIL) - this.#tail) | 0;
    this.#tail += more;
    return more !== 0;
  }

  /** Other processes write to the ring, and may write nonsense. */
  #check(byteLength: number, index: number): void {
    const left = this.#tail - this.#head;
    const units = unitsOf(byteLength);
    const isRecord = byteLength >= 0 && byteLength <= this.#memory.longest &&
      left <= this.#units && units <= left && index + units <= this.#units;
    if (isRecord) return;
    this.#memory.check();
    throw new Deno.errors.InvalidData(
      `Cannot receive message: the ring is damaged, a length of ${byteLength} bytes is not possible`,
    );
  }

  /** A copy of the message that `next` found. */
  copy(at: number): Uint8Array<ArrayBuffer> {
    const { bytes, ring } = this.#memory;
    return this.#pooled
      ? pooledCopy(bytes, ring, at >> 2, this.byteLength)
      : copyOut(bytes, at, this.byteLength);
  }

  /** Copies the message that `next` found. @param target long enough for it */
  copyTo(target: Uint8Array, at: number): void {
    this.#memory.copyTo(target, at, this.byteLength);
  }

  /** The message that `next` found, in place. */
  view(at: number): Uint8Array<ArrayBuffer> {
    return this.#memory.lend(at, this.byteLength);
  }

  /** Steps over the message that `next` found; others still see it until `release`. */
  skip(): void {
    this.#head += unitsOf(this.byteLength);
  }

  /** Gives the room of all skipped messages back to the producers. */
  release(): void {
    const { cells } = this.#memory;
    // Pairs with the load in `SendRing.claim`: messages that were read may be overwritten.
    if (this.#head < this.#nextHalf) Atomics.store(cells, HEAD, this.#head | 0);
    else this.#releaseHalf();
    // Waking a producer for each message would take two system calls each, so it is woken only when
    // half of the ring is free. That is enough for any message, or soon will be, since the ring
    // becomes empty in the end. The store above comes before this read: a producer sets the bell and
    // then looks at the head.
    if (readFirst(cells, SEND_BELL) !== 0 && this.#tail - this.#head <= this.#units >> 1) {
      this.#memory.wake(SEND_BELL);
    }
  }

  #releaseHalf(): void {
    this.#memory.setPosition(HEAD, this.#head);
    this.#nextHalf += UPPER_HALF;
  }

  /**
   * Passes on a wake-up, if there are several consumers: one for two messages may have reached only
   * this one.
   */
  passOn(): void {
    const { cells } = this.#memory;
    if (readFirst(cells, RECEIVE_BELL) === 0) return;
    if (Atomics.load(cells, TAIL) !== (this.#head | 0)) this.#memory.wake(RECEIVE_BELL);
  }
}
