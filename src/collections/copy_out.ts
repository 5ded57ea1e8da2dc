/** Copies of short values out of mapped memory. */

import { copyInto, copyOut as ownCopy, LONGEST_LOOP, pooledCopy } from "../mapping/slab.ts";

/** The same memory as bytes and as words, both from its beginning. */
export interface Memory {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** Whether short copies share buffers. */
  readonly pooled: boolean;
  /**
   * Must be called after data were read or written, and before others see the result.
   *
   * @throws {MappingFaultError} If a page of it was lost.
   */
  check(): void;
}

/** A new array of the `byteLength` bytes that begin at the word `at`. */
export function copyOut(memory: Memory, at: number, byteLength: number): Uint8Array<ArrayBuffer> {
  return memory.pooled
    ? pooledCopy(memory.bytes, memory.words, at, byteLength)
    : ownCopy(memory.bytes, 4 * at, byteLength);
}

/**
 * A place for copies that may turn out not to count: memory of the caller gets only what is whole. It
 * grows with what it has to hold.
 */
export class Scratch {
  #words = new Int32Array();
  #bytes = new Uint8Array();

  /** The length of what was taken last, even if it was too long. */
  byteLength = 0;

  /** Copies the `byteLength` bytes that begin at the word `at`, unless they are more than `longest`. */
  take({ bytes, words }: Memory, at: number, byteLength: number, longest: number): void {
    this.byteLength = byteLength;
    if (byteLength > longest) return;
    if (byteLength > this.#bytes.length) this.#grow(byteLength);
    if (byteLength > LONGEST_LOOP) {
      this.#bytes.set(new Uint8Array(bytes.buffer, bytes.byteOffset + 4 * at, byteLength));
      return;
    }
    const own = this.#words;
    for (let i = 0, from = at, end = byteLength + 3 >>> 2; i < end; i++, from++) {
      own[i] = words[from]!;
    }
  }

  #grow(byteLength: number): void {
    this.#words = new Int32Array(byteLength + 3 >>> 2);
    this.#bytes = new Uint8Array(this.#words.buffer);
  }

  /** Copies what was taken last. @param target long enough for it */
  copyTo(target: Uint8Array): void {
    copyInto(this.#bytes, this.#words, 0, this.byteLength, target);
  }
}
