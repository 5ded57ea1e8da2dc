/** What is searched for, kept where libc can read it. */

import { addressOfBytes, headOf, lengthOf, plainBytes } from "../../../ffi/memory.ts";

/** What to look for: a byte, bytes, or text, which is taken as UTF-8. */
export type Needle = number | Uint8Array | string;

/** The size of the store that is reused; larger needles get memory of their own. */
const STORE_BYTE_LENGTH = 4096;
/** Text up to this length is copied by a loop, which is quicker than a call of the encoder. */
const SHORT_TEXT_LENGTH = 64;
/** How much of a longer needle is compared first: nearly all candidates fail there. */
const HEAD_BYTE_LENGTH = 32n;

// Captured at load: a later replacement must not decide lengths.
const encoder = new TextEncoder();
const { encode, encodeInto } = TextEncoder.prototype;
const apply = Reflect.apply;

// One needle at a time: a search runs to its end before another begins. The variable keeps the
// bytes from being collected or moved while libc reads them.
let store = new Uint8Array(0);
let storeAddress = 0n;

/**
 * A needle in memory of this module, where nobody changes it during the search. It is valid until
 * the next search makes another one.
 */
export class LoadedNeedle {
  /** The needle, and perhaps more bytes behind it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly address: bigint;
  readonly byteLength: number;
  readonly size: bigint;
  /** How much of it is compared at first. */
  readonly head: bigint;

  constructor(byteLength: number) {
    this.bytes = store;
    this.address = storeAddress;
    this.byteLength = byteLength;
    this.size = BigInt(byteLength);
    this.head = this.size < HEAD_BYTE_LENGTH ? this.size : HEAD_BYTE_LENGTH;
  }
}

/**
 * Copies a needle to where libc can read it. No code of the caller's runs.
 *
 * @throws {TypeError} If it is of another type. @throws {RangeError} If a number is not a byte.
 */
export function loadNeedle(needle: Needle): LoadedNeedle {
  if (typeof needle === "string") return new LoadedNeedle(loadText(needle));
  if (typeof needle !== "number") return new LoadedNeedle(loadBytes(needle));
  if (!Number.isInteger(needle) || needle < 0 || needle > 255) {
    throw new RangeError(
      `Cannot search region as a byte must be a whole number from 0 to 255: received ${needle}`,
    );
  }
  reserve(1);
  store[0] = needle;
  return new LoadedNeedle(1);
}

function loadText(text: string): number {
  if (text.length <= SHORT_TEXT_LENGTH && loadAscii(text)) return text.length;
  if (text.length * 3 > STORE_BYTE_LENGTH) return loadBytes(apply(encode, encoder, [text]));
  reserve(STORE_BYTE_LENGTH);
  return apply(encodeInto, encoder, [text, store]).written;
}

/** @returns false if a character takes more than one byte */
function loadAscii(text: string): boolean {
  reserve(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return false;
    store[i] = code;
  }
  return true;
}

function loadBytes(bytes: Uint8Array): number {
  const plain = plainBytes(bytes, "the needle", "search region");
  const byteLength = lengthOf(plain);
  reserve(byteLength);
  store.set(headOf(plain, byteLength));
  return byteLength;
}

/** Makes the store large enough, and small again after a large needle. */
function reserve(byteLength: number): void {
  const wanted = Math.max(byteLength, STORE_BYTE_LENGTH);
  const length = lengthOf(store);
  if (length >= wanted && length <= Math.max(wanted, 16 * STORE_BYTE_LENGTH)) return;
  store = new Uint8Array(wanted);
  storeAddress = addressOfBytes(store);
}
