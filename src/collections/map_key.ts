/** A key as words and a hash, in a buffer that is reused for each key: look-ups leave no garbage. */

import { lengthOf } from "../../ffi/memory.ts";
import { BYTES_BIT } from "./map_layout.ts";

const encoder = new TextEncoder();

/** The key that an operation is about. */
export class MapKey {
  readonly words: Int32Array;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #longest: number;
  readonly #seed: number;
  /** In bytes. */
  byteLength = 0;
  hash = 0;
  /** BYTES_BIT if it was given as bytes. */
  form = 0;

  /** @param longest in bytes */
  constructor(longest: number, seed: number) {
    // Text that is not ASCII has up to three bytes for each UTF-16 unit.
    this.words = new Int32Array((longest + 3 >>> 2) + 1);
    this.#bytes = new Uint8Array(this.words.buffer as ArrayBuffer);
    this.#longest = longest;
    this.#seed = seed;
  }

  /** How many words the key has. */
  get length(): number {
    return this.byteLength + 3 >>> 2;
  }

  /**
   * Stores a key.
   *
   * @returns false if it is too long
   * @throws {TypeError} If it is neither a string nor a Uint8Array.
   */
  take(key: string | Uint8Array, action: string): boolean {
    if (typeof key === "string") {
      this.form = 0;
      return key.length <= this.#longest && (this.#takeAscii(key) || this.#takeText(key));
    }
    if (!(key instanceof Uint8Array)) {
      throw new TypeError(
        `Cannot ${action} as the key must be a string or a Uint8Array: received ${typeof key}`,
      );
    }
    const byteLength = lengthOf(key);
    if (byteLength > this.#longest) return false;
    this.form = BYTES_BIT;
    this.words[byteLength >>> 2] = 0;
    this.#bytes.set(key);
    this.#finish(byteLength);
    return true;
  }

  /** Packs and hashes in one go. False if the text is not ASCII. */
  #takeAscii(key: string): boolean {
    const { words } = this;
    const { length } = key;
    let hash = this.#seed;
    let units = 0;
    let at = 0;
    let i = 0;
    for (const last = length - 4; i <= last; i += 4) {
      const a = key.charCodeAt(i);
      const b = key.charCodeAt(i + 1);
      const c = key.charCodeAt(i + 2);
      const d = key.charCodeAt(i + 3);
      units |= a | b | c | d;
      const word = a | b << 8 | c << 16 | d << 24;
      words[at++] = word;
      hash = mix(hash, word);
    }
    if (i < length) {
      let word = 0;
      for (let shift = 0; i < length; i++, shift += 8) {
        const unit = key.charCodeAt(i);
        units |= unit;
        word |= unit << shift;
      }
      words[at] = word;
      hash = mix(hash, word);
    }
    this.byteLength = length;
    this.hash = finish(hash, length);
    return units < 0x80;
  }

  /** False if it is too long. */
  #takeText(key: string): boolean {
    const { read, written } = encoder.encodeInto(key, this.#bytes);
    if (read < key.length || written > this.#longest) return false;
    // `encodeInto` does not clear the bytes after the text.
    for (let i = written; i % 4 !== 0; i++) this.#bytes[i] = 0;
    this.#finish(written);
    return true;
  }

  #finish(byteLength: number): void {
    this.byteLength = byteLength;
    let hash = this.#seed;
    for (let i = 0, end = this.length; i < end; i++) hash = mix(hash, this.words[i]!);
    this.hash = finish(hash, byteLength);
  }
}

/** One round of MurmurHash3, 32 bits. */
function mix(hash: number, word: number): number {
  word = Math.imul(word, 0xcc9e2d51);
  hash ^= Math.imul(word << 15 | word >>> 17, 0x1b873593);
  return Math.imul(hash << 13 | hash >>> 19, 5) + 0xe6546b64 | 0;
}

function finish(hash: number, byteLength: number): number {
  hash ^= byteLength;
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
  return hash ^ hash >>> 16;
}
