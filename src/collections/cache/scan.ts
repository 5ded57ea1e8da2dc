/** Going through all entries of a cache. The lock of a shard is held for a bucket at a time. */

import { copyOut } from "../copy_out.ts";
import {
  BYTES_FORM_BIT,
  GIVEN_UP,
  INFO,
  KEY,
  KEY_LENGTH_MASK,
  NAMESPACE_COUNT,
  NAMESPACE_SHIFT,
  UNIT,
  UNITS,
} from "./cache_layout.ts";
import type { CacheCore } from "./core.ts";
import { isOver } from "./dead_units.ts";
import type { Shard } from "./shard.ts";
import type { CacheWriter } from "./writer.ts";

const decoder = new TextDecoder();

/** An entry as it was found: its key, and its value unless only keys are wanted. */
export interface Scanned {
  readonly key: string | Uint8Array<ArrayBuffer>;
  readonly value: Uint8Array<ArrayBuffer> | undefined;
}

/** The entries of a namespace that are there. One that is there all the time comes once. */
export function* scan(
  core: CacheCore,
  writer: CacheWriter,
  namespace: number,
  withValues: boolean,
): Generator<Scanned, void, undefined> {
  for (const shard of core.shards) {
    for (let bucket = 0; bucket < shard.buckets; bucket++) {
      core.enter("read entries");
      yield* core.locked(shard, () => {
        const found: Scanned[] = [];
        writer.eachOf(shard, bucket, (entry) => {
          if (namespaceOf(shard, entry) !== namespace || !isThere(shard, writer, entry)) return;
          const key = keyOf(shard, entry);
          found.push({ key, value: withValues ? writer.valueOf(shard, entry) : undefined });
        });
        return found;
      });
    }
  }
}

function namespaceOf({ memory: { words } }: Shard, entry: number): number {
  return words[entry + INFO]! >>> NAMESPACE_SHIFT & NAMESPACE_COUNT - 1;
}

/** Whether an entry counts; a writer that died may have left half of one. */
function isThere(shard: Shard, writer: CacheWriter, entry: number): boolean {
  const version = shard.memory.floats[entry >> 1]!;
  const isWhole = version > 0 || version > GIVEN_UP && Number.isInteger(version);
  return isWhole && writer.isPresent(shard, entry);
}

function keyOf({ memory }: Shard, entry: number): string | Uint8Array<ArrayBuffer> {
  const info = memory.words[entry + INFO]!;
  const key = copyOut(memory, entry + KEY, info & KEY_LENGTH_MASK);
  return (info & BYTES_FORM_BIT) === 0 ? decoder.decode(key) : key;
}

/** How many entries are there, and how many bytes they take. */
export function measure(
  core: CacheCore,
  writer: CacheWriter,
): { entries: number; liveByteLength: number } {
  let entries = 0;
  let units = 0;
  for (const shard of core.shards) {
    for (let bucket = 0; bucket < shard.buckets; bucket++) {
      core.locked(shard, () => {
        writer.eachOf(shard, bucket, (entry) => {
          if (!isThere(shard, writer, entry)) return;
          entries++;
          units += shard.memory.words[entry + UNITS]!;
        });
      });
    }
  }
  return { entries, liveByteLength: UNIT * units };
}

/** Frees entries whose time is over, at most `most`. @returns how many */
export function purgeOver(core: CacheCore, writer: CacheWriter, most: number): number {
  let purged = 0;
  for (const shard of core.shards) {
    for (let bucket = 0; bucket < shard.buckets && purged < most; bucket++) {
      core.locked(shard, () => {
        writer.eachOf(shard, bucket, (entry, slot) => {
          if (purged >= most || !isOver(shard, entry)) return;
          writer.remove(shard, slot, entry);
          purged++;
        });
      });
    }
  }
  core.counts.expired += purged;
  return purged;
}
