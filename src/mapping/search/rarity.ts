/** Which part of a needle is rare in the searched bytes: guessed first, then sampled. */

import { system } from "../../os/mod.ts";
import type { LoadedNeedle } from "./needle.ts";

/** The longest piece that can be sampled at once. */
export const LONGEST_PIECE = 4096;
/** How much of a needle is considered. */
const BYTES_CONSIDERED = 4096;
const WORD_BYTES_CONSIDERED = 67;

/** Bytes of text, logs and source code, the most frequent first; a guess that samples correct. */
const FREQUENT =
  " etaoinsrhldcu0m1fp2g\n.wy-b/v3:,5489k67_\"=x()TSAEICRDNPMLOj;qzFBUGH'>W<VY[]{}+*";

let suppositions: Uint8Array | undefined;

/** The assumed frequency of each byte. */
function suppose(): Uint8Array {
  return suppositions ??= Uint8Array.from({ length: 256 }, (_, byte) => {
    const place = FREQUENT.indexOf(String.fromCharCode(byte));
    if (place !== -1) return 255 - place;
    if (byte === 0) return 255; // common in binary files
    if (byte === 0xff) return 180;
    if (byte >= 0x80) return byte < 0xc0 ? 170 : 120; // the later and the first bytes of UTF-8
    return byte >= 0x20 ? 110 : 60;
  });
}

const piece = new Uint8Array(LONGEST_PIECE);

/** A part of the needle, and how often it is expected to be found: in matches per byte. */
export interface RarePart {
  readonly offset: number;
  readonly frequency: number;
}

/** What was seen in pieces of the bytes that are searched. */
export class Rarity {
  readonly #needle: LoadedNeedle;
  readonly #bytes = new Uint32Array(256);
  #bytesSeen = 0;
  /** How often each 4 bytes of the needle were seen. */
  readonly #words = new Map<number, number>();
  #wordsSeen = 0;

  constructor(needle: LoadedNeedle) {
    this.#needle = needle;
  }

  /** Counts the bytes of a piece. */
  addBytes(address: bigint, byteLength: number): void {
    system().bytes.copy(piece, address, BigInt(byteLength));
    for (let i = 0; i < byteLength; i++) this.#bytes[piece[i]!]!++;
    this.#bytesSeen += byteLength;
  }

  /** Counts the bytes of a piece, and its sequences of 4 bytes that the needle has too. */
  addWords(address: bigint, byteLength: number): void {
    this.addBytes(address, byteLength);
    const words = this.#words;
    if (words.size === 0) this.#wordPlaces().forEach((at) => words.set(this.#wordAt(at), 0));
    for (let at = 0; at + 4 <= byteLength; at++) {
      const word = wordAt(piece, at);
      const count = words.get(word);
      if (count !== undefined) words.set(word, count + 1);
    }
    this.#wordsSeen += byteLength;
  }

  /** The needle's rarest byte. */
  rarestByte(): RarePart {
    const common = suppose();
    const { bytes, byteLength } = this.#needle;
    const length = Math.min(byteLength, BYTES_CONSIDERED);
    let offset = 0;
    for (let i = 1; i < length; i++) {
      const [byte, best] = [bytes[i]!, bytes[offset]!];
      const order = this.#bytes[byte]! - this.#bytes[best]! || common[byte]! - common[best]!;
      if (order < 0) offset = i;
    }
    return { offset, frequency: this.#bytes[bytes[offset]!]! / this.#bytesSeen };
  }

  /** The needle's 4 bytes in a row, the rarest ones first. After {@linkcode addWords} only. */
  rareWords(): RarePart[] {
    const { bytes } = this.#needle;
    return this.#wordPlaces().map((offset) => {
      let chance = 1; // the chance that the bytes meet: it ranks words that were not seen
      for (let i = 0; i < 4; i++) {
        chance *= (this.#bytes[bytes[offset + i]!]! + 1) / this.#bytesSeen;
      }
      return {
        offset,
        frequency: this.#words.get(this.#wordAt(offset))! / this.#wordsSeen,
        chance,
      };
    }).sort((a, b) => a.frequency - b.frequency || a.chance - b.chance);
  }

  #wordPlaces(): number[] {
    const length = Math.min(this.#needle.byteLength, WORD_BYTES_CONSIDERED);
    return Array.from({ length: length - 3 }, (_, offset) => offset);
  }

  #wordAt(offset: number): number {
    return wordAt(this.#needle.bytes, offset);
  }
}

/** Four bytes as a C `int`; all supported machines are little-endian. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
}
