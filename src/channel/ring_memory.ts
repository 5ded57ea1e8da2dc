/** The memory of a channel: its words, and the bytes of its ring. */

import type { Words } from "../sync/words.ts";
import { HEADER_BYTE_LENGTH, longestMessage } from "./layout.ts";
import { EVERYBODY } from "../sync/words.ts";

/** Follows its region when that is resized. */
export class RingMemory {
  readonly words: Words;
  readonly capacity: number;
  /** The longest message, in bytes. */
  readonly longest: number;
  #bytes: Uint8Array;

  constructor(words: Words, capacity: number) {
    this.words = words;
    this.capacity = capacity;
    this.longest = longestMessage(capacity);
    this.#bytes = this.#view();
  }

  /** The ring. @throws {Deno.errors.BadResource} If the region is closed. */
  get bytes(): Uint8Array {
    // A resized or closed region has detached the old view.
    if (this.#bytes.length === 0) this.#bytes = this.#view();
    return this.#bytes;
  }

  #view(): Uint8Array {
    const { buffer, byteOffset } = this.words.cells;
    return new Uint8Array(buffer, byteOffset + HEADER_BYTE_LENGTH, this.capacity);
  }

  /**
   * Wakes those who announced at a bell that they sleep. They sleep on the very word that this
   * changes, so that none can fall asleep between the change and the wake-up.
   */
  ring(bell: number): void {
    if (Atomics.exchange(this.words.cells, bell, 0) !== 0) this.words.wake(bell, EVERYBODY);
  }
}
