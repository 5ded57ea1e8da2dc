/** What an object holds: a plain array. */

import { pageSize } from "../../ffi/file_calls.ts";
export const PAGE = pageSize();

/** The most bytes that an object of the fuzzer ever has. */
export const CAPACITY = 64 * PAGE;

/** A mapping of an object, as far as the object is concerned. */
export interface Mapped {
  readonly pages: number;
  /** Called before the object changes in its pages from `first` to `last`. */
  objectChanges(first: number, last?: number): void;
  /** Called when the object has only so many pages any more. */
  objectEnds(pages: number): void;
  forgetPages(first: number, last: number): void;
}

/** The model of a file, of shared memory, or of memory that has no descriptor. */
export class ObjectModel {
  readonly bytes = new Uint8Array(CAPACITY);
  /** 1: nobody knows what that byte is. */
  readonly unknown = new Uint8Array(CAPACITY);
  readonly mappings = new Set<Mapped>();
  size: number;
  /** How often it has changed, but for becoming longer. */
  changes = 0;
  #anyUnknown = false;
  /** Bytes behind the end, in its page, may have been written to. */
  #dirtyTail = false;

  constructor(size: number) {
    this.size = size;
  }

  get anyUnknown(): boolean {
    return this.#anyUnknown;
  }

  /** Whether all of a page is known, also behind the object's end. */
  knows(page: number): boolean {
    if (this.#dirtyTail && page === this.pages - 1) return false;
    return !this.#anyUnknown || !this.unknown.subarray(page * PAGE, (page + 1) * PAGE).includes(1);
  }

  /** How many pages can be touched. */
  get pages(): number {
    return Math.ceil(this.size / PAGE);
  }

  write(byteOffset: number, bytes: Uint8Array): void {
    this.changes++;
    const inside = Math.max(0, Math.min(bytes.length, this.size - byteOffset));
    const first = Math.floor(byteOffset / PAGE);
    for (const mapping of this.mappings) {
      mapping.objectChanges(first, Math.ceil((byteOffset + bytes.length) / PAGE));
    }
    this.bytes.set(bytes.subarray(0, inside), byteOffset);
    this.unknown.fill(0, byteOffset, byteOffset + inside);
    if (inside < bytes.length) this.#dirtyTail = true;
  }

  /** From now on nobody knows these bytes. */
  forget(byteOffset: number, end: number): void {
    if (end > this.size) this.#dirtyTail = true;
    const last = Math.min(end, this.size);
    if (byteOffset >= last) return;
    this.write(byteOffset, this.bytes.slice(byteOffset, last));
    this.unknown.fill(1, byteOffset, last);
    this.#anyUnknown = true;
  }

  truncate(size: number): void {
    const old = this.size;
    if (size === old) return;
    if (size < old) this.changes++;
    for (const mapping of this.mappings) {
      mapping.objectChanges(Math.floor(Math.min(old, size) / PAGE));
    }
    this.size = size;
    this.bytes.fill(0, Math.min(old, size));
    this.unknown.fill(0, size);
    if (size < old) {
      for (const mapping of this.mappings) mapping.objectEnds(this.pages);
      this.#dirtyTail = false;
    } else if (this.#dirtyTail) {
      const pageEnd = Math.ceil(old / PAGE) * PAGE;
      this.forget(old, Math.min(size, pageEnd));
      this.#dirtyTail = size < pageEnd;
    }
  }
}
