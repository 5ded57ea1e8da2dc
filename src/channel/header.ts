/** The first words of every kind of channel: what it is, and how large. */

import { withLock } from "../wait/lock_attempt.ts";
import { RobustWord } from "../wait/robust_word.ts";
import type { Words } from "../wait/words.ts";
import {
  CAPACITY,
  CREATION_LOCK,
  FIRST_ZERO,
  FLAGS,
  HEADER_BYTE_LENGTH,
  MAGIC,
  MESSAGE_LAYOUT,
  VERSION,
} from "./layout.ts";

/** A kind of channel. */
export interface Kind {
  /** For messages: "channel". */
  readonly name: string;
  /** Four letters, as they lie in memory. */
  readonly magic: number;
  readonly version: number;
}

/** What has to be the same for all users of a channel. */
export interface Geometry {
  readonly capacity: number;
  readonly flags: number;
  /** The layout of its messages, as a 64-bit hash; by default any. */
  readonly layout?: bigint;
}

/** A magic number from four letters. */
export function magicOf(letters: string): number {
  return new Int32Array(new TextEncoder().encode(letters).buffer)[0]!;
}

/**
 * The geometry of an existing channel; undefined in memory that was never used. @throws if
 * something else is there
 */
export function findHeader(words: Words, kind: Kind): Geometry | undefined {
  const { cells } = words;
  // Pairs with the store in `makeHeader`: a process that sees the magic number sees the rest.
  let magic = Atomics.load(cells, MAGIC);
  words.lossWatch.check();
  if (magic === 0) {
    if (isBlank(cells)) return undefined;
    // Another process may have created and used it since the first look.
    magic = Atomics.load(cells, MAGIC);
  }
  if (magic !== kind.magic) {
    throw new Deno.errors.AlreadyExists(
      `Cannot open ${kind.name}: something else is there`,
    );
  }
  if (cells[VERSION] !== kind.version) {
    throw new Deno.errors.AlreadyExists(
      `Cannot open ${kind.name}: it has version ${cells[VERSION]}, ` +
        `and this module uses version ${kind.version}`,
    );
  }
  const layout = BigInt(cells[MESSAGE_LAYOUT + 1]! >>> 0) << 32n |
    BigInt(cells[MESSAGE_LAYOUT]! >>> 0);
  const geometry = { capacity: cells[CAPACITY]!, flags: cells[FLAGS]!, layout };
  words.lossWatch.check();
  return geometry;
}

/** Whether nothing was created here yet. Another process may be about to do so. */
function isBlank(cells: Int32Array): boolean {
  const end = Math.min(cells.length, HEADER_BYTE_LENGTH / 4);
  for (let i = FIRST_ZERO; i < end; i++) if (cells[i] !== 0) return false;
  return true;
}

/** Creates the header, unless another process just did. @returns the geometry that is there now */
export function makeHeader(words: Words, kind: Kind, geometry: Geometry): Geometry {
  const lock = new RobustWord(words, CREATION_LOCK);
  return withLock(lock, `create ${kind.name}`, () => {
    const found = findHeader(words, kind);
    if (found !== undefined) return found;
    const { cells } = words;
    cells[VERSION] = kind.version;
    cells[CAPACITY] = geometry.capacity;
    cells[FLAGS] = geometry.flags;
    const { layout = 0n } = geometry;
    cells[MESSAGE_LAYOUT] = Number(BigInt.asIntN(32, layout));
    cells[MESSAGE_LAYOUT + 1] = Number(BigInt.asIntN(32, layout >> 32n));
    Atomics.store(cells, MAGIC, kind.magic);
    words.lossWatch.check();
    return geometry;
  });
}
