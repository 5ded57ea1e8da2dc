/**
 * The layout of a queue: a page of words, and the ring of messages after it. The words 0 to 5 and
 * 10, 11, from 639 on, and the records are those of all channels (`../layout.ts`).
 *
 * | word | what | written by |
 * |---|---|---|
 * | 5 | bit 0: several producers; bit 1: several consumers | its creator |
 * | 7 | bit 0: nothing more will be sent; bit 1: the last consumer has left | under lock 8 |
 * | 8, 9 | a lock word, held while the lists change | whoever joins or leaves |
 * | 16, 17 | TAIL: how much was ever sent, in units of 8 bytes | producers, under lock 80 if several |
 * | 32, 33 | HEAD: how much was ever received, likewise | consumers, under lock 96 if several |
 * | 48 | 1: a producer may sleep on this word; whoever makes room sets it to 0 and wakes | both |
 * | 64 | 1: a consumer may sleep on this word; whoever sends sets it to 0 and wakes | both |
 * | 80, 81 | a lock word: whose turn it is to send | producers |
 * | 96, 97 | a lock word: whose turn it is to receive | consumers |
 * | 128-623 | the endpoints, four words each: number, fingerprint (`holder.ts`), process, roles | under lock 8 |
 * | 1024... | the ring | producers |
 *
 * TAIL and HEAD are 64-bit numbers and never wrap. A process that reads a position often may read
 * only its lower half: between two reads it cannot move by more than the ring's length. A process
 * that sets a position stores only the lower half, in one operation, or both halves if the
 * upper one changes. The second word of a record is not used.
 */

export const LIST_LOCK = 8;
export const TAIL = 16;
export const HEAD = 32;
export const SEND_BELL = 48;
export const RECEIVE_BELL = 64;
export const SEND_LOCK = 80;
export const RECEIVE_LOCK = 96;
export const ENDPOINTS = 128;

/** A bit of FLAGS. */
export const MANY_PRODUCERS_BIT = 1;
export const MANY_CONSUMERS_BIT = 2;

/** How many ENDPOINTS there are. */
export const MOST_ENDPOINTS = 124;

/** A bit of an endpoint's roles; no bit: it has neither sent nor received. */
export const PRODUCER_BIT = 1;
export const CONSUMER_BIT = 2;

/** A bit of STATE, beside ENDED_BIT. */
export const DESERTED_BIT = 2;
