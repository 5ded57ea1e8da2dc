/**
 * The layout of a broadcast: a page of words, and the ring of messages after it. Words that are not
 * listed here are as in a channel (`layout.ts`).
 *
 * | word | what | written by |
 * |---|---|---|
 * | 0-4 | as in a channel | its creator |
 * | 5 | 0 | |
 * | 7 | bit 0: the writer has closed | the writer |
 * | 16, 17 | TAIL: how much was ever published, in units of 8 bytes; 64 bits | the writer |
 * | 18 | EPOCH: the next message's number without its lowest 31 bits | the writer |
 * | 32, 33 | OLDEST: records before this position are overwritten or about to be; 64 bits | the writer |
 * | 48 | BELL: 1: a reader may sleep on this word; whoever publishes sets it to 0 and wakes | both |
 * | 80, 81 | WRITER: a lock word, held by the writer for as long as it is one | the writer |
 * | 82 | WRITER_PID: its process; 0 before there is one | the writer |
 * | 1024... | the ring | the writer |
 *
 * A record is as in a channel. Its second word is the lower half of the message's number, counted
 * from 0. At TAIL, where the next record will begin, that word is already written, so a reader that
 * begins there knows the number of the next message. PADDING has it too.
 *
 * The writer moves OLDEST forward before it writes over a record, and TAIL once a record is complete.
 * Readers write nothing but BELL, so they have no entries here, and whether they live does not matter.
 */

export const TAIL = 16;
export const EPOCH = 18;
export const OLDEST = 32;
export const BELL = 48;
export const WRITER = 80;
export const WRITER_PID = 82;

/** A message's number belongs to the epoch number / EPOCH_LENGTH. */
const EPOCH_LENGTH = 2 ** 31;

/** The epoch of a message's number. */
export function epochOf(number: number): number {
  return Math.floor(number / EPOCH_LENGTH);
}

/**
 * The full number of a message in the ring. It belongs to the epoch or to the one before, since a
 * ring holds less than one epoch; the highest bit of the lower half tells which.
 *
 * @param low the number's lower half
 */
export function numberIn(epoch: number, low: number): number {
  const behind = (epoch & 1) === (low >>> 31) ? 0 : 1;
  return (epoch - behind) * EPOCH_LENGTH + (low & 0x7fffffff);
}
