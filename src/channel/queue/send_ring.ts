/** The ring as a producer sees it. Nothing here waits; one producer at a time may use it. */

import { copyIn } from "../copy.ts";
import { PADDING, RECORD_HEADER_BYTE_LENGTH, unitsOf, UPPER_HALF } from "../layout.ts";
import { HEAD, RECEIVE_BELL, TAIL } from "./queue_layout.ts";
import { positionIn, type RingMemory } from "../ring_memory.ts";
import { readFirst, writeLast } from "../../wait/order.ts";

/** Writes records and publishes them. Positions count units of 8 bytes, and never wrap. */
export class SendRing {
  readonly #memory: RingMemory;
  readonly #units: number;
  /** The end of the published records. */
  #tail = 0;
  /** The end of the written records. */
  #written = 0;
  /** The position where the ring is full, according to the consumers' position at the last look. */
  #limit = 0;
  /** The position at which the upper half changes. */
  #nextHalf = 0;
  readonly #locked: boolean;

  /** @param locked whether it is used under the producers' lock */
  constructor(memory: RingMemory, locked: boolean) {
    this.#memory = memory;
    this.#locked = locked;
    this.#units = memory.capacity / 8;
  }

  /** Takes over from another producer. Forgets messages that were not published. */
  reload(): void {
    this.#moveTo(this.#memory.position(TAIL), this.#memory.position(HEAD));
  }

  /** As `reload`, with the producers' lock: often nobody else has sent since this one's last turn. */
  takeOver(cells: Int32Array): void {
    if (positionIn(cells, TAIL) === this.#tail) this.giveUp();
    else this.#follow();
  }

  #follow(): void {
    const memory = this.#memory;
    const tail = memory.ownPosition(TAIL);
    // Consumers are at most a ring behind, so that the lower half says where they are. Pairs with
    // the store in `ReceiveRing.release`, as in `#lookForRoom`.
    const used = (tail - readFirst(memory.cells, HEAD)) >>> 0;
    this.#moveTo(tail, used <= this.#units ? tail - used : memory.position(HEAD));
  }

  #moveTo(tail: number, head: number): void {
    this.#written = this.#tail = tail;
    this.#nextHalf = (Math.floor(tail / UPPER_HALF) + 1) * UPPER_HALF;
    this.#limit = head + this.#units;
  }

  /**
   * Claims room for a message.
   *
   * @returns its offset in the ring's bytes; -1 if there is no room now
   */
  claim(byteLength: number): number {
    const { ring } = this.#memory;
    const index = this.#written & (this.#units - 1);
    const units = unitsOf(byteLength);
    const fits = index + units <= this.#units;
    const end = this.#written + units + (fits ? 0 : this.#units - index);
    if (end > this.#limit && end > this.#lookForRoom()) return -1;
    this.#written = end;
    if (fits) {
      ring[2 * index] = byteLength;
      return 8 * index + RECORD_HEADER_BYTE_LENGTH;
    }
    ring[2 * index] = PADDING;
    ring[0] = byteLength;
    return RECORD_HEADER_BYTE_LENGTH;
  }

  #lookForRoom(): number {
    // Pairs with the store in `ReceiveRing.release`: overwritten messages were read.
    const head = readFirst(this.#memory.cells, HEAD);
    const last = this.#limit - this.#units;
    this.#limit += (head - last) | 0;
    return this.#limit;
  }

  /** Writes a message, which is published later. @returns false if there is no room now */
  write(message: Uint8Array, byteLength: number): boolean {
    const at = this.claim(byteLength);
    if (at === -1) return false;
    copyIn(this.#memory.bytes, at, message, byteLength);
    return true;
  }

  /** Makes the last message shorter than claimed. @param at its offset */
  shorten(at: number, byteLength: number): void {
    const { ring } = this.#memory;
    const length = (at - RECORD_HEADER_BYTE_LENGTH) / 4;
    this.#written += unitsOf(byteLength) - unitsOf(ring[length]!);
    ring[length] = byteLength;
  }

  /**
   * Publishes all written messages to the consumers, in one step. Who has the lock gives it back, and
   * then calls `wakeConsumers`.
   *
   * @throws {MappingFaultError} If a page was lost.
   */
  publish(cells: Int32Array): void {
    const { lossWatch } = this.#memory.words;
    lossWatch.check(); // or consumers would get what is there instead
    this.#tail = this.#written;
    // Pairs with the load in `ReceiveRing.next`: a consumer that sees the new tail sees the
    // records. An exchange stands between this and the look at the bell: here, or where the lock is
    // given back.
    if (this.#tail >= this.#nextHalf) this.#publishHalf();
    else if (this.#locked) writeLast(cells, TAIL, this.#tail | 0);
    else Atomics.store(cells, TAIL, this.#tail | 0);
    if (!this.#locked) this.wakeConsumers(cells);
    lossWatch.check();
  }

  /** Wakes consumers that sleep: they have set the bell, and looked at the tail only after that. */
  wakeConsumers(cells: Int32Array): void {
    if (readFirst(cells, RECEIVE_BELL) !== 0) this.#memory.wake(RECEIVE_BELL);
  }

  #publishHalf(): void {
    this.#memory.setPosition(TAIL, this.#tail);
    this.#nextHalf += UPPER_HALF;
  }

  /** Forgets messages that were not published. */
  giveUp(): void {
    this.#written = this.#tail;
  }
}
