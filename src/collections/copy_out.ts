/** Copies of short values out of mapped memory. */

import { copyOut as ownCopy, pooledCopy } from "../mapping/slab.ts";

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
    ? pooledCopy(memory.bytes, memory.words, 4 * at, byteLength)
    : ownCopy(memory.bytes, 4 * at, byteLength);
}
