/** The ring as a producer sees it. Nothing here waits; one producer at a time may use it. */

import { copyIn } from "./copy.ts";
import {
  HEAD,
  PADDING,
  RECEIVE_BELL,
  RECORD_HEADER_BYTE_LENGTH,
  RING,
  TAIL,
  unitsOf,
} from "./layout.ts";
import type { RingMemory } from "./ring_memory.ts";

/** Writes records and publishes them. Positions count units of 8 bytes and wrap. */
export class SendRing {
  readonly #memory: RingMemory;
  readonly #units: number;
  /** Behind what was published. */
  #tail = 0;
  /** Behind what was written. */
  #written = 0;
  /** What consumers had received when last looked at: at least so much room there is. */
  #head = 0;

  constructor(memory: RingMemory) {
    this.#memory = memory;
    this.#units = memory.capacity / 8;
  }

  /** Takes over from another producer. Forgets what was written and not published. */
  reload(): void {
    const { cells } = this.#memory.words;
    this.#written = this.#tail = Atomics.load(cells, TAIL);
    this.#head = Atomics.load(cells, HEAD);
  }

  /**
   * Room for a message.
   *
   * @returns where in the ring's bytes; -1 if there is none now
   */
  claim(byteLength: number): number {
    const { cells } = this.#memory.words;
    const start = this.#written;
    const units = unitsOf(byteLength);
    const index = start & (this.#units - 1);
    const toEnd = this.#units - index;
    const skipped = units > toEnd ? toEnd : 0;
    const needed = skipped + units;
    if (this.#free(start) < needed) {
      // Pairs with the store in `ReceiveRing.release`: what is overwritten was read.
      this.#head = Atomics.load(cells, HEAD);
      if (this.#free(start) < needed) return -1;
    }
    if (skipped !== 0) cells[RING + 2 * index] = PADDING;
    const place = skipped === 0 ? index : 0;
    cells[RING + 2 * place] = byteLength;
    this.#written = (start + needed) | 0;
    return 8 * place + RECORD_HEADER_BYTE_LENGTH;
  }

  #free(start: number): number {
    return this.#units - ((start - this.#head) | 0);
  }

  /** Writes a message, which is published later. @returns false if there is no room now */
  write(message: Uint8Array, byteLength: number): boolean {
    const at = this.claim(byteLength);
    if (at === -1) return false;
    copyIn(this.#memory.bytes, at, message, byteLength);
    return true;
  }

  /** Makes the last message shorter than was claimed. @param at where it is */
  shorten(at: number, byteLength: number): void {
    const { cells } = this.#memory.words;
    const length = RING + (at - RECORD_HEADER_BYTE_LENGTH) / 4;
    this.#written = (this.#written - unitsOf(cells[length]!) + unitsOf(byteLength)) | 0;
    cells[length] = byteLength;
  }

  /** Gives all that was written to the consumers, in one step. */
  publish(): void {
    const { cells } = this.#memory.words;
    this.#tail = this.#written;
    // Pairs with the load in `ReceiveRing.next`: who sees the new tail sees the records. Before the
    // look at the bell: a consumer sets it and then looks at the tail.
    Atomics.store(cells, TAIL, this.#tail);
    if (Atomics.load(cells, RECEIVE_BELL) !== 0) this.#memory.ring(RECEIVE_BELL);
  }

  /** Forgets what was written and not published. */
  giveUp(): void {
    this.#written = this.#tail;
  }
}
