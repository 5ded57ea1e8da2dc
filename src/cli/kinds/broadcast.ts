/** Reads a broadcast: `channel/broadcast/broadcast_layout.ts`. */

import {
  BELL,
  EPOCH,
  numberIn,
  OLDEST,
  TAIL,
  WRITER,
  WRITER_PID,
} from "../../channel/broadcast/broadcast_layout.ts";
import { BROADCAST } from "../../channel/kinds.ts";
import { HEADER_BYTE_LENGTH, UNIT_BYTE_LENGTH } from "../../channel/layout.ts";
import { formatSize } from "../format.ts";
import type { Finding } from "./finding.ts";
import { countAt, damaged, type Look, MOST_LOOKS } from "./look.ts";
import {
  awaiting,
  awaitingLines,
  capacityOf,
  creationLock,
  type Header,
  readHeader,
  stateOf,
} from "./ring.ts";

/** What is in the ring. */
interface Ring {
  readonly words: Header;
  readonly capacity: number;
  readonly published: number;
  readonly kept: number;
  /** The number of the oldest message that is kept, and of the next one. */
  readonly oldest: number;
  readonly next: number;
}

export function readBroadcast(look: Look): Finding {
  const { words, capacity, published, kept, oldest, next } = readRing(look);
  const writer = look.lock(words, { index: WRITER, name: "writer", kind: "turn" });
  const writerPid = words[WRITER_PID] || null;
  const state = stateOf(words);
  const sleeping = awaiting(look, words);
  return {
    version: BROADCAST.version,
    fields: {
      capacity,
      state,
      publishedByteLength: published,
      keptByteLength: kept,
      oldest,
      next,
      writerPid,
      awaiting: sleeping,
    },
    lines: {
      kept: `${formatSize(kept)} of ${formatSize(capacity)}, ${next - oldest} messages`,
      published: `${formatSize(published)}, ${next} messages`,
      state,
      writer: writer.holder === null ? "none now" : look.peers.holder(writer.holder),
      ...awaitingLines(look, sleeping),
    },
    locks: [creationLock(look, words), writer],
    bells: [{ byteOffset: 4 * BELL, what: "messages" }],
    counts: { in: published, unit: "bytes" },
  };
}

/** It changes meanwhile: looks until all fits together. */
function readRing(look: Look): Ring {
  for (let looks = 1;; looks++) {
    try {
      const words = readHeader(look, BROADCAST);
      const capacity = capacityOf(look, words);
      const tail = countAt(words, TAIL);
      const oldest = countAt(words, OLDEST);
      if (oldest < 0 || tail < oldest || 8 * (tail - oldest) > capacity) {
        throw damaged(`positions of ${oldest} and ${tail} do not fit together`);
      }
      const numberAt = (position: number): number => {
        const byteOffset = HEADER_BYTE_LENGTH + 8 * (position % (capacity / 8));
        return numberIn(words[EPOCH]!, look.words(byteOffset, 8)[1]!);
      };
      const [first, next] = [numberAt(oldest), numberAt(tail)];
      if (first < 0 || first > next) throw damaged(`messages ${first} to ${next} are not possible`);
      const [published, kept] = [tail, tail - oldest].map((units) => units * UNIT_BYTE_LENGTH);
      return { words, capacity, published: published!, kept: kept!, oldest: first, next };
    } catch (error) {
      if (looks === MOST_LOOKS) throw error;
    }
  }
}
