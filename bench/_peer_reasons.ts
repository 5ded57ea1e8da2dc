/** Why a peer is faster, where it is: found by measuring, see each. */

import type { Figure } from "./_peer_work.ts";

interface Reason {
  readonly works: RegExp;
  readonly peers: RegExp;
  readonly reason: string;
}

/** The first that fits counts. */
const REASONS: readonly Reason[] = [];

/** Faster by less than this is noise. */
const NOTICEABLE = 0.95;

/** Whether a peer took noticeably less time than we did. */
export function isFaster({ ratio }: Figure): boolean {
  return ratio < NOTICEABLE;
}

/** Why a peer is faster at a work. */
export function reasonOf(work: string, peer: string): string {
  const found = REASONS.find(({ works, peers }) => works.test(work) && peers.test(peer));
  return found?.reason ?? "not explained yet";
}
