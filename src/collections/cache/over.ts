/** When an entry is no more. */

import {
  EPOCH,
  EXPIRES,
  INFO,
  NAMESPACE_COUNT,
  NAMESPACE_EPOCH,
  NAMESPACE_LENGTH,
  NAMESPACE_SHIFT,
  NAMESPACES,
  STALE_FOR,
} from "./cache_layout.ts";
import type { Shard } from "./shard.ts";

/** Whether the namespace of an entry was cleared since it was written. */
export function isCleared({ memory: { words } }: Shard, entry: number): boolean {
  const namespace = words[entry + INFO]! >>> NAMESPACE_SHIFT & NAMESPACE_COUNT - 1;
  const epoch = words[NAMESPACES + NAMESPACE_LENGTH * namespace + NAMESPACE_EPOCH];
  return words[entry + EPOCH] !== epoch;
}

/** Whether an entry may be forgotten: it was cleared, or it is not even stale any more. */
export function isOver(shard: Shard, entry: number): boolean {
  if (isCleared(shard, entry)) return true;
  const { floats } = shard.memory;
  const expires = floats[entry + EXPIRES >> 1]!;
  return expires !== Infinity && !(Date.now() < expires + floats[entry + STALE_FOR >> 1]!);
}
