/**
 * What all kinds of channels have in common: the first words of the page before the ring, and the
 * records in the ring. The words of each kind are in its own layout file.
 *
 * | word | what | written by |
 * |---|---|---|
 * | 0, 1 | a lock word (`wait/robust_word.ts`), held while the channel is made | its maker |
 * | 2 | what this is; written last, so that whoever sees it sees the rest | its maker |
 * | 3 | the version of this layout | its maker |
 * | 4 | the ring's length in bytes, a power of two | its maker |
 * | 5 | flags, a meaning of their own in each kind | its maker |
 * | 7 | bit 0: nothing more will be sent | see each kind |
 * | 10, 11 | the layout of the messages, a 64-bit hash; 0: any bytes | its maker |
 * | 1024... | the ring | senders |
 *
 * A record begins at a multiple of 8 bytes: a word with the message's length in bytes, a word that each
 * kind uses in its own way, the message, and what is missing to a multiple of 8. A record never goes
 * around the ring's end: where it would, PADDING stands in the place of the length, and the record
 * begins at the ring's beginning.
 *
 * Positions in the ring count units of 8 bytes. They are 64-bit numbers and never wrap.
 */

export const HEADER_BYTE_LENGTH = 4096;

export const CREATION_LOCK = 0;
export const MAGIC = 2;
export const VERSION = 3;
export const CAPACITY = 4;
export const FLAGS = 5;
/** What lies from here on is zero in memory that was never used. */
export const FIRST_ZERO = 6;
export const STATE = 7;
export const MESSAGE_LAYOUT = 10;
export const RING = HEADER_BYTE_LENGTH / 4;

/** In STATE. */
export const ENDED_BIT = 1;

/** The upper half of a position changes at multiples of this. */
export const UPPER_HALF = 2 ** 32;

/** In the place of a message's length: the rest of the ring is empty. */
export const PADDING = -1;

/** A record's length and the word after it. */
export const RECORD_HEADER_BYTE_LENGTH = 8;

export const LEAST_CAPACITY = 4096;
export const LARGEST_CAPACITY = 2 ** 30;

/** The longest message: it fits wherever in the ring an empty channel happens to stand. */
export function longestMessage(capacity: number): number {
  return capacity / 2 - RECORD_HEADER_BYTE_LENGTH;
}

/** Positions count units of so many bytes. */
export const UNIT_BYTE_LENGTH = 8;

/** How many units of 8 bytes the record of a message takes. */
export function unitsOf(byteLength: number): number {
  return 1 + ((byteLength + 7) >>> 3);
}
