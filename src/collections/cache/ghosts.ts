/** The ghosts of a shard: hashes of keys that were pushed out of the small ring unused. */

import { GHOSTS } from "./cache_layout.ts";
import type { Shard } from "./shard.ts";

/**
 * The word where a hash has its ghost. Another one's ghost takes the place: with as many words as
 * there are entries, it is there for about as many evictions.
 */
export function ghostOf({ ghosts, buckets }: Shard, hash: number): number {
  // Mixed, as all keys of a bucket have the same upper bits.
  return ghosts + Math.floor((Math.imul(hash, 0x9e3779b1) >>> 0) / 2 ** 32 * buckets * GHOSTS);
}

/** Whether a key was pushed out lately. Its ghost is gone then. */
export function takeGhost(shard: Shard, hash: number): boolean {
  const { words } = shard.memory;
  const at = ghostOf(shard, hash);
  if (words[at] !== hash || hash === 0) return false;
  words[at] = 0;
  return true;
}
