/** Reads the meeting place of a server and its clients: `channel/calls/meeting_layout.ts`. */

import {
  BELL,
  LONGEST_REQUEST,
  MEETING,
  OFFER_COUNT,
  OFFERED,
  RING_CAPACITY,
  SEAT,
  SERVER_PID,
  STATE_BITS,
  stateOf as stateWordOf,
} from "../../channel/calls/meeting_layout.ts";
import { SERVER } from "../../channel/kinds.ts";
import { CAPACITY, FLAGS, HEADER_BYTE_LENGTH } from "../../channel/layout.ts";
import { formatSize } from "../format.ts";
import type { Finding } from "./finding.ts";
import { damaged, type Look } from "./look.ts";
import { creationLock, readHeader } from "./ring.ts";

/** What the memory of a connection is called: see `channel/calls/connection.ts`. */
const CONNECTION = "mmap connection";
/** How a file of that memory goes on behind the path of the meeting place: `channel/calls/beside.ts`. */
const BESIDE = /^\.[0-9a-f]{16}\b/;

export function readServer(look: Look): Finding {
  const words = readHeader(look, SERVER);
  const { capacity } = MEETING;
  const isPossible = words[CAPACITY] === capacity && words[FLAGS] === 0 &&
    HEADER_BYTE_LENGTH + capacity <= look.byteLength;
  if (!isPossible) throw damaged("no meeting place has such a header");
  const seat = look.lock(words, { index: SEAT, name: "server", kind: "turn" });
  const serverPid = words[SERVER_PID] || null;
  const clients = serverPid === null || seat.holder === null
    ? []
    : look.peers.sharing(serverPid, CONNECTION, BESIDE);
  const offers = openOffers(look);
  const ringCapacity = words[RING_CAPACITY]!;
  const longestRequest = words[LONGEST_REQUEST]! >>> 0;
  return {
    version: SERVER.version,
    fields: { serverPid, clients, offers, ringCapacity, longestRequest },
    lines: {
      server: seat.holder === null ? "none now" : look.peers.holder(seat.holder),
      clients: clients === null
        ? "not shown here"
        : clients.map((pid) => look.peers.person(pid)).join(", ") || "none",
      ...(offers === 0 ? {} : { connecting: `${offers} clients` }),
      rings: `${formatSize(ringCapacity)} each way for each client`,
      requests: `at most ${formatSize(longestRequest)}`,
    },
    locks: [creationLock(look, words), seat],
    bells: [{ byteOffset: 4 * BELL, what: "clients" }],
  };
}

/** How many clients offer a connection that is not decided yet. */
function openOffers(look: Look): number {
  const words = look.words(0, HEADER_BYTE_LENGTH + MEETING.capacity);
  return Array.from({ length: OFFER_COUNT }, (_, offer) => words[stateWordOf(offer)]! & STATE_BITS)
    .filter((state) => state === OFFERED).length;
}
