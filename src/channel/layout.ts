/**
 * Where everything lies in a channel: a page of words, and the ring of messages behind it.
 *
 * | word | what | written by |
 * |---|---|---|
 * | 0, 1 | a lock word (`robust_word.ts`), held while the channel is made | who makes it |
 * | 2 | what this is; written last, so that who sees it sees the rest | who makes it |
 * | 3 | the version of this layout | who makes it |
 * | 4 | the ring's length in bytes, a power of two | who makes it |
 * | 5 | bit 0: several producers; bit 1: several consumers | who makes it |
 * | 7 | bit 0: nothing more will be sent; bit 1: the last consumer has left | under lock 8 |
 * | 8, 9 | a lock word, held while the lists change | who joins or leaves |
 * | 10, 11 | the layout of the messages, a 64-bit hash; 0: any bytes | who makes it |
 * | 16, 17 | TAIL: how much was ever sent, in units of 8 bytes | producers, under lock 80 if several |
 * | 32, 33 | HEAD: how much was ever received, likewise | consumers, under lock 96 if several |
 * | 48 | 1: a producer may sleep on this word; who makes room sets it to 0 and wakes | both |
 * | 64 | 1: a consumer may sleep on this word; who sends sets it to 0 and wakes | both |
 * | 80, 81 | a lock word: whose turn it is to send | producers |
 * | 96, 97 | a lock word: whose turn it is to receive | consumers |
 * | 128-623 | who has it open, four words each: number, fingerprint (`holder.ts`), process, roles | under lock 8 |
 * | 1024... | the ring | producers |
 *
 * TAIL and HEAD are 64-bit numbers and never wrap. Whoever looks at one often may look at its lower half
 * alone: between two looks it cannot move by more than the ring is long. Whoever sets it stores the
 * lower half alone, in one atomic operation, or all of it where the upper half changes.
 *
 * A record begins at a multiple of 8 bytes: a word with the message's length in bytes, a word that is
 * not used, the message, and what is missing to a multiple of 8. A record never goes around the
 * ring's end: where it would, PADDING stands in the place of the length, and the record begins at the
 * ring's beginning.
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
export const LIST_LOCK = 8;
export const MESSAGE_LAYOUT = 10;
export const TAIL = 16;
export const HEAD = 32;
export const SEND_BELL = 48;
export const RECEIVE_BELL = 64;
export const SEND_LOCK = 80;
export const RECEIVE_LOCK = 96;
export const ENDPOINTS = 128;
export const RING = HEADER_BYTE_LENGTH / 4;

/** The upper half of a position changes at multiples of this. */
export const UPPER_HALF = 2 ** 32;

/** In FLAGS. */
export const MANY_PRODUCERS_BIT = 1;
export const MANY_CONSUMERS_BIT = 2;

/** How many ENDPOINTS there are. */
export const MOST_ENDPOINTS = 124;

/** In an endpoint's roles; none: it has neither sent nor received. */
export const PRODUCER_BIT = 1;
export const CONSUMER_BIT = 2;

/** In STATE. */
export const ENDED_BIT = 1;
export const DESERTED_BIT = 2;

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
