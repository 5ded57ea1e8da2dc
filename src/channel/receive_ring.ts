/** The ring as a consumer sees it. Nothing here waits; one consumer at a time may use it. */

import {
  HEAD,
  PADDING,
  RECEIVE_BELL,
  RECORD_HEADER_BYTE_LENGTH,
  RING,
  SEND_BELL,
  TAIL,
  unitsOf,
} from "./layout.ts";
import type { RingMemory } from "./ring_memory.ts";

/** Finds records and releases them. Positions count units of 8 bytes and wrap. */
export class ReceiveRing {
  readonly #memory: RingMemory;
  readonly #units: number;
  /** The next record, behind those that were taken. */
  #head = 0;
  /** What was published when last looked at. */
  #tail = 0;
  /** The length of the message that `next` found. */
  byteLength = 0;

  constructor(memory: RingMemory) {
    this.#memory = memory;
    this.#units = memory.capacity / 8;
  }

  /** Takes over from another consumer. */
  reload(): void {
    const { cells } = this.#memory.words;
    this.#head = Atomics.load(cells, HEAD);
    this.#tail = Atomics.load(cells, TAIL);
  }

  /**
   * The next message; its length is in `byteLength`.
   *
   * @returns where in the ring's bytes; -1 if there is none now
   * @throws {Deno.errors.InvalidData} If the ring holds no record there.
   */
  next(): number {
    const { cells } = this.#memory.words;
    if (this.#head === this.#tail) {
      // Pairs with the store in `SendRing.publish`.
      this.#tail = Atomics.load(cells, TAIL);
      if (this.#head === this.#tail) return -1;
    }
    let index = this.#head & (this.#units - 1);
    let byteLength = cells[RING + 2 * index]!;
    if (byteLength === PADDING) {
      this.#head = (this.#head + this.#units - index) | 0;
      index = 0;
      byteLength = cells[RING]!;
    }
    this.#check(byteLength);
    this.byteLength = byteLength;
    return 8 * index + RECORD_HEADER_BYTE_LENGTH;
  }

  /** Other processes write to the ring, and nothing keeps them from writing nonsense. */
  #check(byteLength: number): void {
    const left = (this.#tail - this.#head) | 0;
    const isRecord = byteLength >= 0 && byteLength <= this.#memory.longest &&
      left <= this.#units && unitsOf(byteLength) <= left;
    if (isRecord) return;
    throw new Deno.errors.InvalidData(
      `Cannot receive message: the ring is damaged, a length of ${byteLength} bytes cannot be`,
    );
  }

  /** Steps over the message that `next` found; others still see it until `release`. */
  skip(): void {
    this.#head = (this.#head + unitsOf(this.byteLength)) | 0;
  }

  /** Gives the room of all that was stepped over back to the producers. */
  release(): void {
    const { cells } = this.#memory.words;
    // Pairs with the load in `SendRing.claim`: what was read may be overwritten.
    Atomics.store(cells, HEAD, this.#head);
    // Waking a producer for each message would be two system calls each; so not before half of the
    // ring is free. That is enough for any message, or soon will be: the ring gets empty in the end.
    if (Atomics.load(cells, SEND_BELL) !== 0 && this.#used() <= this.#units >> 1) {
      this.#memory.ring(SEND_BELL);
    }
  }

  #used(): number {
    return (this.#tail - this.#head) | 0;
  }

  /** For several consumers: a wake-up that came for two messages may have reached this one alone. */
  passOn(): void {
    const { cells } = this.#memory.words;
    if (Atomics.load(cells, RECEIVE_BELL) === 0) return;
    if (Atomics.load(cells, TAIL) !== this.#head) this.#memory.ring(RECEIVE_BELL);
  }
}
