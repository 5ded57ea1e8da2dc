/** A region as it is looked at: by copies, which never fault, wait or change anything. */

import { backingOf, type MmapRegion } from "../../region/mmap_region.ts";
import { NUMBER_MASK, seenHolder } from "../../wait/holder.ts";
import type { LockHolder } from "../../wait/holder.ts";
import type { Peers } from "./peers.ts";

/** What a lock is. */
export type LockKind = "mutex" | "rwlock-writer" | "rwlock-reader" | "once" | "turn";

/** A lock, or one reader of a lock, and where it lies. */
export interface LockPlace {
  readonly name?: string;
  readonly byteOffset: number;
  readonly kind: LockKind;
  readonly holder: LockHolder | null;
  /** The offsets of the words that those sleep on who wait for it. */
  readonly sleepsAt: readonly number[];
}

/** How often what changes meanwhile is read again, until it makes sense. */
export const MOST_LOOKS = 20;

/** The most bytes that are copied at once. */
const MOST_BYTES = 2 ** 24;

/** A number between two words that no lock word has: the bit is never set. */
const DAMAGE_BIT = 0x40000000;

/** Reads a region. */
export class Look {
  readonly peers: Peers;
  /** What is wrong there. */
  readonly problems: string[] = [];
  readonly #region: MmapRegion;

  constructor(region: MmapRegion, peers: Peers) {
    this.#region = region;
    this.peers = peers;
  }

  get byteLength(): number {
    return this.#region.byteLength;
  }

  /**
   * A copy of a part.
   *
   * @throws {Deno.errors.InvalidData} If that part is not all there.
   */
  bytes(byteOffset: number, byteLength: number): Uint8Array<ArrayBuffer> {
    const isThere = Number.isSafeInteger(byteOffset) && byteOffset >= 0 &&
      byteOffset + byteLength <= this.byteLength && byteLength <= MOST_BYTES;
    if (!isThere) throw damaged(`there is nothing at byte ${byteOffset}`);
    const bytes = new Uint8Array(byteLength);
    const count = byteLength === 0 ? 0 : this.#region.tryRead(bytes, byteOffset);
    if (count === byteLength) return bytes;
    throw damaged(`pages are missing from byte ${byteOffset + count} on`);
  }

  /** Where the first byte lies that is not there, before `end`. */
  firstMissing(end: number): number {
    return this.#region.tryRead(new Uint8Array(Math.min(end, MOST_BYTES)), 0);
  }

  /** The same as words. @throws {Deno.errors.InvalidData} Also if they are no whole number of words. */
  words(byteOffset: number, byteLength: number): Int32Array<ArrayBuffer> {
    if (byteOffset % 4 !== 0 || byteLength % 4 !== 0) {
      throw damaged(`no words can have ${byteLength} bytes from byte ${byteOffset} on`);
    }
    return new Int32Array(this.bytes(byteOffset, byteLength).buffer);
  }

  /** Who holds the lock whose word is at `index`; null if it is free. */
  holderAt(words: Int32Array, index: number, name: string): LockHolder | null {
    const word = words[index]!;
    if ((word & DAMAGE_BIT) !== 0) {
      this.problems.push(`the word of ${name} is damaged`);
      return null;
    }
    const number = word & NUMBER_MASK;
    return number === 0 ? null : this.holder(number, words[index + 1]!, name);
  }

  /** Who has such a name; adds to the problems if it is dead. */
  holder(number: number, fingerprint: number, name: string): LockHolder | null {
    const holder = seenHolder(backingOf(this.#region), number, fingerprint);
    if (holder === undefined) this.problems.push(`the name of ${name} is damaged`);
    if (holder?.alive === false) this.problems.push(`${name}: its holder is dead`);
    return holder ?? null;
  }

  /** Whether a name is that of somebody alive. */
  isAlive(number: number, fingerprint: number): boolean {
    return seenHolder(backingOf(this.#region), number, fingerprint)?.alive === true;
  }

  /** A lock word as a lock. */
  lock(
    words: Int32Array,
    { index, start = 0, name, kind }: {
      index: number;
      /** Where the words begin in the region, in bytes. */
      start?: number;
      name?: string;
      kind: LockKind;
    },
  ): LockPlace {
    const byteOffset = start + 4 * index;
    const holder = this.holderAt(words, index, name ?? `the ${kind} at byte ${byteOffset}`);
    return {
      ...(name === undefined ? {} : { name }),
      byteOffset,
      kind,
      holder,
      sleepsAt: [byteOffset],
    };
  }
}

/** The error for something that cannot be what it says. */
export function damaged(why: string): Error {
  return new Deno.errors.InvalidData(why);
}

/** A 64-bit count of two words, the lower half first. */
export function countAt(words: Int32Array, index: number): number {
  return words[index + 1]! * 2 ** 32 + (words[index]! >>> 0);
}
