/** How a channel stands. */

import type { Membership } from "./endpoints.ts";
import { UNIT_BYTE_LENGTH } from "../layout.ts";
import { CONSUMER_BIT, HEAD, PRODUCER_BIT, TAIL } from "./queue_layout.ts";
import type { RingMemory } from "../ring_memory.ts";

/** What `Channel.stats` gives. Bytes are those of the ring: with each message's length and padding. */
export interface ChannelStats {
  /** How many bytes were ever sent. */
  readonly sentByteLength: number;
  /** How many of them were received. */
  readonly receivedByteLength: number;
  /** How many wait to be received. */
  readonly queuedByteLength: number;
  /** The processes that send; also those that died and nobody replaced. */
  readonly producers: readonly number[];
  /** The processes that receive, likewise. */
  readonly consumers: readonly number[];
}

/** As it is now; while others send and receive, the numbers are of moments close to each other. */
export function statsOf(memory: RingMemory, membership: Membership): ChannelStats {
  // In this order: never more received than sent.
  const received = memory.position(HEAD);
  const sent = memory.position(TAIL);
  return {
    sentByteLength: sent * UNIT_BYTE_LENGTH,
    receivedByteLength: received * UNIT_BYTE_LENGTH,
    queuedByteLength: (sent - received) * UNIT_BYTE_LENGTH,
    producers: membership.pids(PRODUCER_BIT),
    consumers: membership.pids(CONSUMER_BIT),
  };
}
