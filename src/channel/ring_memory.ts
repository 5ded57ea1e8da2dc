/** The memory of a channel: its words, and the ring as words and as bytes. */

import { EVERYBODY, type Words } from "../wait/words.ts";
import { HEADER_BYTE_LENGTH, longestMessage, UPPER_HALF } from "./layout.ts";
import { copyInto } from "../mapping/slab.ts";

/**
 * The last position: beyond it, numbers cannot count single units. At a terabyte per second, that
 * takes 2000 years.
 */
const LAST_POSITION = 2 ** 53 - 2 ** 28;

function isPosition(value: number): boolean {
  return value >= 0 && value < LAST_POSITION;
}

/** A position that nobody changes meanwhile, whatever is there. */
export function positionIn(cells: Int32Array, index: number): number {
  return cells[index + 1]! * UPPER_HALF + (cells[index]! >>> 0);
}

/** The memory; it follows its region when that is resized. */
export class RingMemory {
  readonly words: Words;
  readonly capacity: number;
  /** The longest message, in bytes. */
  readonly longest: number;
  #cells!: Int32Array;
  /** The ring as bytes. This and `ring` are valid after `cells` was read. */
  bytes!: Uint8Array;
  /** The ring as 32-bit words. */
  ring!: Int32Array;
  #positions!: BigInt64Array;

  constructor(words: Words, capacity: number) {
    this.words = words;
    this.capacity = capacity;
    this.longest = longestMessage(capacity);
    this.#renew(words.cells);
  }

  /** The words before the ring. @throws {Deno.errors.BadResource} If the region is closed. */
  get cells(): Int32Array {
    const { cells } = this.words;
    // A resized region has new arrays.
    if (cells !== this.#cells) this.#renew(cells);
    return cells;
  }

  /**
   * Must be called after data were read or written.
   *
   * @throws {MappingFaultError} If a page of it was lost.
   */
  check(): void {
    this.words.lossWatch.check();
  }

  #renew(cells: Int32Array): void {
    const { buffer, byteOffset } = cells;
    const start = byteOffset + HEADER_BYTE_LENGTH;
    this.#cells = cells;
    this.bytes = new Uint8Array(buffer, start, this.capacity);
    this.ring = new Int32Array(buffer, start, this.capacity / 4);
    this.#positions = new BigInt64Array(buffer, byteOffset, HEADER_BYTE_LENGTH / 8);
  }

  /** A view of the ring for users, who may pass it on. */
  lend(at: number, byteLength: number): Uint8Array<ArrayBuffer> {
    const buffer = this.words.userBuffer as ArrayBuffer;
    return new Uint8Array(buffer, this.bytes.byteOffset + at, byteLength);
  }

  /** Copies a part of the ring. @param target at least as long */
  copyTo(target: Uint8Array, at: number, byteLength: number): void {
    copyInto(this.bytes, this.ring, at >> 2, byteLength, target);
  }

  /**
   * The present value of a position, TAIL or HEAD.
   *
   * @throws {Deno.errors.InvalidData} If no channel can reach that position.
   */
  position(index: number): number {
    void this.cells;
    const position = Number(Atomics.load(this.#positions, index / 2));
    this.check();
    if (isPosition(position)) return position;
    throw new Deno.errors.InvalidData(
      `Cannot use channel: its header is damaged, a position of ${position} is not possible`,
    );
  }

  /**
   * As {@linkcode position}, of the end whose lock this thread has: as nobody else changes it, plain
   * reads of both halves are enough, after the exchange that took the lock.
   */
  ownPosition(index: number): number {
    const position = positionIn(this.cells, index);
    this.check();
    return isPosition(position) ? position : this.position(index);
  }

  /** Sets a position whose upper half has changed too. */
  setPosition(index: number, position: number): void {
    Atomics.store(this.#positions, index / 2, BigInt(position));
  }

  /**
   * Wakes all who have announced at a bell that they sleep. They sleep on the word that this
   * changes, so that nobody can fall asleep between the change and the wake-up.
   */
  wake(bell: number): void {
    if (Atomics.exchange(this.cells, bell, 0) !== 0) this.words.wake(bell, EVERYBODY);
  }
}
