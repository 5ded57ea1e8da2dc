/** Who holds a lock, in one word of it, and whether that one is dead. */

import { isDead, ownThread } from "../object/identity.ts";

/** What the locks of this folder ask about threads; a test puts its own actors in its place. */
export interface Threads {
  /** This thread: a number of at most 30 bits, and what tells it from others of that number. */
  self(): { readonly tid: number; readonly fingerprint: number };
  /** Whether a thread is dead for sure; a fingerprint of 0 is not known. */
  isDead(tid: number, fingerprint: number): boolean;
  /** As `isDead`, but may say no for a moment longer: for those who ask again and again. */
  isDeadLately(tid: number, fingerprint: number): boolean;
}

/** The real ones. */
export const THREADS: Threads = { self: ownThread, isDead, isDeadLately };

/** How long "alive" is believed, so that a thousand waiters do not ask a thousand times. */
const BELIEVED_MS = 20;

const seenAlive = new Map<number, { fingerprint: number; at: number }>();

function isDeadLately(tid: number, fingerprint: number): boolean {
  const seen = seenAlive.get(tid);
  const now = performance.now();
  if (seen?.fingerprint === fingerprint && now - seen.at < BELIEVED_MS) return false;
  if (isDead(tid, fingerprint)) return true;
  if (seenAlive.size > 1000) seenAlive.clear();
  seenAlive.set(tid, { fingerprint, at: now });
  return false;
}
