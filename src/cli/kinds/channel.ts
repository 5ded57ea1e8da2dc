/** Reads a queue: `channel/queue/queue_layout.ts`. */

import { CHANNEL } from "../../channel/kinds.ts";
import { FLAGS, STATE, UNIT_BYTE_LENGTH } from "../../channel/layout.ts";
import { type Endpoint, endpointsIn } from "../../channel/queue/endpoints.ts";
import {
  CONSUMER_BIT,
  DESERTED_BIT,
  HEAD,
  LIST_LOCK,
  MANY_CONSUMERS_BIT,
  MANY_PRODUCERS_BIT,
  PRODUCER_BIT,
  RECEIVE_BELL,
  RECEIVE_LOCK,
  SEND_BELL,
  SEND_LOCK,
  TAIL,
} from "../../channel/queue/queue_layout.ts";
import { formatSize, percent } from "../format.ts";
import type { Finding } from "./finding.ts";
import { countAt, damaged, type Look, MOST_LOOKS } from "./look.ts";
import {
  awaiting,
  awaitingLines,
  capacityOf,
  countMessages,
  creationLock,
  type Header,
  messageLayoutOf,
  readHeader,
  stateOf,
} from "./ring.ts";

/** What is in the ring. */
interface Queue {
  readonly words: Header;
  readonly capacity: number;
  readonly sent: number;
  readonly received: number;
  /** Undefined if they are too many to count. */
  readonly messages: number | undefined;
}

export function readChannel(look: Look): Finding {
  const { words, capacity, sent, received, messages } = readQueue(look);
  const queued = sent - received;
  const full = queued / capacity;
  const flags = words[FLAGS]!;
  const producers = (flags & MANY_PRODUCERS_BIT) === 0 ? "single" : "multiple";
  const consumers = (flags & MANY_CONSUMERS_BIT) === 0 ? "single" : "multiple";
  const isDeserted = (words[STATE]! & DESERTED_BIT) !== 0;
  const state = isDeserted ? "no consumer is left" : stateOf(words);
  const ends = endpointsIn(words).map((end) => readEnd(look, end));
  const sleeping = awaiting(look, words);
  const of = (role: string): string =>
    ends.filter((end) => end.role.includes(role)).map((end) => personOf(look, end)).join(", ");
  const lines = {
    queued: `${formatSize(queued)} of ${formatSize(capacity)} (${percent(full)}) ${bar(full)} ` +
      (messages === undefined ? "many messages" : `${messages} messages`),
    sent: `${formatSize(sent)}, received ${formatSize(received)}`,
    state,
    producers: `${producers}: ${of("producer") || "none"}`,
    consumers: `${consumers}: ${of("consumer") || "none"}`,
    idle: of("none"),
    ...awaitingLines(look, sleeping),
  };
  const turn = (index: number, name: string) => look.lock(words, { index, name, kind: "turn" });
  return {
    version: CHANNEL.version,
    fields: {
      capacity,
      producers,
      consumers,
      messageLayout: messageLayoutOf(words),
      state,
      queuedByteLength: queued,
      sentByteLength: sent,
      receivedByteLength: received,
      messages: messages ?? null,
      ends,
      awaiting: sleeping,
      full,
    },
    lines,
    locks: [
      creationLock(look, words),
      look.lock(words, { index: LIST_LOCK, name: "list of ends", kind: "mutex" }),
      turn(SEND_LOCK, "turn to send"),
      turn(RECEIVE_LOCK, "turn to receive"),
    ],
    bells: [
      { byteOffset: 4 * SEND_BELL, what: "room" },
      { byteOffset: 4 * RECEIVE_BELL, what: "messages" },
    ],
    full,
    counts: { in: sent, out: received, unit: "bytes" },
  };
}

/** The positions and what lies between them change meanwhile: looks until they fit together. */
function readQueue(look: Look): Queue {
  for (let looks = 1;; looks++) {
    try {
      // First, since it is copied before TAIL: no more is received than was sent.
      const before = readHeader(look, CHANNEL);
      const words = readHeader(look, CHANNEL);
      const capacity = capacityOf(look, words);
      const head = countAt(before, HEAD);
      const tail = countAt(words, TAIL);
      if (head < 0 || tail < head || 8 * (tail - head) > capacity) {
        throw damaged(`positions of ${head} and ${tail} do not fit together`);
      }
      const messages = countMessages(look, capacity, head, tail);
      const [received, sent] = [head, tail].map((units) => units * UNIT_BYTE_LENGTH);
      return { words, capacity, sent: sent!, received: received!, messages };
    } catch (error) {
      if (looks === MOST_LOOKS) throw error;
    }
  }
}

/** A process that has the channel open. */
interface End {
  readonly pid: number;
  readonly role: "producer" | "consumer" | "producer and consumer" | "none";
  readonly alive: boolean;
}

function readEnd(look: Look, { number, fingerprint, pid, roles }: Endpoint): End {
  const sends = (roles & PRODUCER_BIT) !== 0;
  const receives = (roles & CONSUMER_BIT) !== 0;
  const role = sends && receives
    ? "producer and consumer"
    : sends
    ? "producer"
    : receives
    ? "consumer"
    : "none";
  const alive = look.isAlive(number, fingerprint);
  // One that neither sent nor received is dropped by the next one who joins.
  if (!alive && role !== "none") look.problems.push(`${role} ${pid} is dead, and not replaced`);
  return { pid, role, alive };
}

function personOf(look: Look, { pid, alive }: End): string {
  return alive ? look.peers.person(pid) : `${pid} DEAD, not replaced`;
}

const BAR_WIDTH = 20;

function bar(share: number): string {
  const width = Math.round(Math.min(1, share) * BAR_WIDTH);
  return "#".repeat(width).padEnd(BAR_WIDTH, ".");
}
