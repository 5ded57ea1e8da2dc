/**
 * The layout of the meeting place of a server and its clients: a page of words, and the clients'
 * offers after it.
 *
 * A client creates the memory of its connection itself and offers its handle here. So a client that
 * dies, stops or writes nonsense blocks nobody: there is no lock that a client could hold.
 *
 * | word | what | written by |
 * |---|---|---|
 * | 0-5 | as in a channel (`layout.ts`); word 5 is 0 | its creator |
 * | 16, 17 | a lock word (`robust_word.ts`) that the server holds as long as it serves | the server |
 * | 18 | the server's process; last, so that whoever sees it sees the rest; 0: there is none | the server |
 * | 19 | the length of each ring of a connection, in bytes | the server |
 * | 20 | the longest request, in bytes | the server |
 * | 21 | the number of its PID namespace; 0: not known | the server |
 * | 48 | 1: the server may sleep on this word; whoever offers sets it to 0 and wakes | both |
 * | 63 | how far the list was ever used (`members.ts`) | clients |
 * | 64-127 | whoever offers (`members.ts`), two words each | that client; the server for a dead one |
 * | 1024... | 32 offers of 1024 bytes, one for each of them | |
 *
 * | word of an offer | what |
 * |---|---|
 * | 0 | its state, in bits 0 and 1: NOTHING, OFFERED (by the client), ACCEPTED or REFUSED (by the server) |
 * | | in the other bits, the number of offers made here, so that no offer is mistaken for the next one |
 * | 1 | the length of the handle in bytes |
 * | 2 | why it was refused: 0, or FULL or UNREACHABLE |
 * | 16... | the handle as text, or how the file beside this one ends (`beside.ts`) |
 *
 * The state of an offer is NOTHING (0) whenever nobody has its slot.
 */

import type { Geometry } from "../header.ts";
import { HEADER_BYTE_LENGTH } from "../layout.ts";
import type { Placed } from "../place.ts";

export const SEAT = 16;
export const SERVER_PID = 18;
export const RING_CAPACITY = 19;
export const LONGEST_REQUEST = 20;
export const PID_NAMESPACE = 21;
export const BELL = 48;
export const LIST = 64;
export const OFFER_COUNT = 32;
export const OFFER_WORDS = 256;

/** The most clients of a server: each takes descriptors of its process. */
export const MOST_CLIENTS = 512;

/** Words of an offer. */
const STATE = 0;
export const TEXT_BYTE_LENGTH = 1;
export const WHY = 2;
export const TEXT_BYTE_OFFSET = 64;
export const LONGEST_TEXT = 4 * OFFER_WORDS - TEXT_BYTE_OFFSET;

/** Values in STATE. */
export const OFFERED = 1;
export const ACCEPTED = 2;
export const REFUSED = 3;
export const STATE_BITS = 3;
export const ONE_MORE = 4;

/** In WHY: the server has its maximum of clients. */
export const FULL = 1;
/** In WHY: the server may not open the memory of the connection, or cannot find it. */
export const UNREACHABLE = 2;

/** The shape of every meeting place. */
export const MEETING: Geometry = { capacity: OFFER_COUNT * OFFER_WORDS * 4, flags: 0 };

/** @throws {Deno.errors.InvalidData} If the header contradicts itself. */
export function checkMeeting(placed: Placed): Placed {
  if (placed.geometry.capacity === MEETING.capacity && placed.geometry.flags === 0) return placed;
  throw new Deno.errors.InvalidData("Cannot connect to server: its header is damaged");
}

/** The word of an offer's state. */
export function stateOf(offer: number): number {
  return HEADER_BYTE_LENGTH / 4 + offer * OFFER_WORDS + STATE;
}
