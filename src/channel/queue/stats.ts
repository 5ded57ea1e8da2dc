/** The state of a channel. */

import type { Membership } from "./endpoints.ts";
import { UNIT_BYTE_LENGTH } from "../layout.ts";
import { CONSUMER_BIT, HEAD, PRODUCER_BIT, TAIL } from "./queue_layout.ts";
import type { RingMemory } from "../ring_memory.ts";

/**
 * The result of `Channel.stats`. Bytes are counted as in the ring, with each message's header and
 * padding.
 */
export interface ChannelStats {
  /** How many bytes were ever sent. */
  readonly sentByteLength: number;
  /** How many of them were received. */
  readonly receivedByteLength: number;
  /** How many wait to be received. */
  readonly queuedByteLength: number;
  /** The processes that send, including dead ones that were not replaced. */
  readonly producers: readonly number[];
  /** The processes that receive, likewise. */
  readonly consumers: readonly number[];
}

/**
 * The present state. While others send and receive, the numbers come from slightly different
 * moments.
 */
export function statsOf(memory: RingMemory, membership: Membership): ChannelStats {
  // In this order, so that no more is received than sent.
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
