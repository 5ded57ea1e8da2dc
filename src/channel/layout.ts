/**
 * The common layout of all kinds of channels: the first words of the page before the ring, and the
 * records in the ring. The other words of each kind are in its own layout file.
 *
 * | word | what | written by |
 * |---|---|---|
 * | 0, 1 | a lock word (`wait/robust_word.ts`), held while the channel is created | its creator |
 * | 2 | the kind's magic number; written last, so that whoever sees it sees the rest | its creator |
 * | 3 | the version of this layout | its creator |
 * | 4 | the ring's length in bytes, a power of two | its creator |
 * | 5 | flags, whose meaning depends on the kind | its creator |
 * | 7 | bit 0: nothing more will be sent | see each kind |
 * | 10, 11 | the layout of the messages, a 64-bit hash; 0: any bytes | its creator |
 * | 638 | how many may sleep on a bell itself, besides some who died; of 0, nobody is woken by the system | whoever sleeps |
 * | 639 | how far the list of doorbells was ever used (`wait/members.ts`) | whoever enters |
 * | 640-767 | who has a doorbell (`wait/members.ts`), two words each | that isolate; others for a dead one |
 * | 768-1023 | the doorbells, four words each: state (`doorbells.ts`), process, descriptor, unused | that isolate; in the state, whoever rings |
 * | 1024... | the ring | senders |
 *
 * A record begins at a multiple of 8 bytes: a word with the message's length in bytes, a word whose
 * use depends on the kind, the message, and padding to a multiple of 8. A record never wraps around
 * the ring's end: if it would, PADDING takes the place of its length, and the record is at the
 * ring's beginning.
 *
 * Positions in the ring count units of 8 bytes. They are 64-bit numbers and never wrap.
 */

export const HEADER_BYTE_LENGTH = 4096;

export const CREATION_LOCK = 0;
export const MAGIC = 2;
export const VERSION = 3;
export const CAPACITY = 4;
export const FLAGS = 5;
/** The words from here on are zero in memory that was never used. */
export const FIRST_ZERO = 6;
export const STATE = 7;
export const MESSAGE_LAYOUT = 10;
/** The words that isolates await, in the kinds that have them. */
export const BELLS: readonly number[] = [48, 64];
export const BELL_SLEEPERS = 638;
export const DOORBELL_LIST = 640;
export const DOORBELLS = 768;
/** How many doorbells there are room for. */
export const MOST_DOORBELLS = 64;
export const RING = HEADER_BYTE_LENGTH / 4;

/** A bit of STATE. */
export const ENDED_BIT = 1;

/** The upper half of a position changes at multiples of this. */
export const UPPER_HALF = 2 ** 32;

/** Stands in place of a message's length: the rest of the ring is unused. */
export const PADDING = -1;

/** A record's length and the word after it. */
export const RECORD_HEADER_BYTE_LENGTH = 8;

export const LEAST_CAPACITY = 4096;
export const LARGEST_CAPACITY = 2 ** 30;

/** The longest message: it fits at any position of an empty ring. */
export function longestMessage(capacity: number): number {
  return capacity / 2 - RECORD_HEADER_BYTE_LENGTH;
}

/** The unit of positions, in bytes. */
export const UNIT_BYTE_LENGTH = 8;

/** How many units of 8 bytes the record of a message takes. */
export function unitsOf(byteLength: number): number {
  return 1 + ((byteLength + 7) >>> 3);
}
