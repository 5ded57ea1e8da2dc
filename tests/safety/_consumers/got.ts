/** What a consumer gets of bytes that are taken away from it, in a few words. */

import type { Consumer } from "./consumer.ts";
import { type Counts, countsOf } from "./counts.ts";

/**
 * - "all": the true bytes, all of them; or, if it fills them, it filled them
 * - "nothing": as if there had been no bytes
 * - "zeros": zeros in the place of some of them, or all, unsaid
 * - "less": the first of the true bytes, and then the end
 * - "error": it says so
 * - "other data": which must never be
 */
export type Got = "all" | "nothing" | "zeros" | "less" | "error" | "other data";

/** What a consumer gives where nobody takes the bytes away. */
export interface References {
  readonly own: string;
  readonly zeros: string;
  readonly nothing: string;
}

/** How it ended: what the consumer's promise was settled with, and what its peer got. */
export interface End {
  readonly value: unknown;
  readonly failed: boolean;
  readonly counts: Counts | undefined;
  /** The region's file was shortened. */
  readonly cut: boolean;
}

/** Puts it into a word. */
export function gotOf(consumer: Consumer, end: End, references: References): Got {
  const { value, failed, counts, cut } = end;
  const { fills, peer, partial, byteLength } = consumer;
  if (fills !== undefined) return failed ? "error" : value === fills ? "all" : "less";
  if (peer !== undefined) {
    return gotByPeer(counts!, failed, partial && !failed ? value as number : byteLength);
  }
  if (failed) return "error";
  const said = comparable(value);
  if (said === references.own) return "all";
  if (said === references.zeros) return "zeros";
  if (said === references.nothing) return "nothing";
  if (said.startsWith("{")) return gotByPeer(JSON.parse(said), false, byteLength);
  return cut ? "zeros" : "other data"; // the digest of something else
}

function gotByPeer({ own, zeros, others, fed }: Counts, failed: boolean, wanted: number): Got {
  if (others + fed > 0 || own > wanted) return "other data";
  if (zeros > 0) return "zeros";
  if (own === wanted) return "all";
  if (failed) return "error";
  return own === 0 ? "nothing" : "less";
}

/** A result as text: bytes by what is in them. */
export function comparable(value: unknown): string {
  return JSON.stringify(value instanceof Uint8Array ? countsOf(value) : value) ?? "undefined";
}
