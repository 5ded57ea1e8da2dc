/** Reads a cache: `collections/cache/cache_layout.ts`. */

import {
  BUCKET_LENGTH,
  COUNTS_BYTE_OFFSET,
  FLIGHT_COUNT,
  FLIGHTS_BYTE_OFFSET,
  MAIN_PAD,
  MAIN_TAIL,
  SMALL_PAD,
  SMALL_TAIL,
  UNIT,
} from "../../collections/cache/cache_layout.ts";
import { cacheLayoutOf } from "../../collections/cache/cache_geometry.ts";
import { type CacheCounts, COUNT_NAMES } from "../../collections/cache/counts.ts";
import { FLIGHT_LENGTH } from "../../collections/cache/flights.ts";
import { formatSize, percent } from "../format.ts";
import { readHead, writersMutex } from "./collection.ts";
import type { Finding } from "./finding.ts";
import { countAt, type LockPlace, type Look } from "./look.ts";

export function readCache(look: Look): Finding {
  const { words, header, version } = readHead(look, "cache");
  const layout = cacheLayoutOf(header, look.byteLength, "read cache");
  const counts = Object.fromEntries(
    COUNT_NAMES.map((name, i) => [name, countAt(words, COUNTS_BYTE_OFFSET / 4 + 2 * i)]),
  ) as unknown as CacheCounts;
  const shards = Array.from({ length: layout.shards }, (_, i) => {
    const start = layout.controls(i);
    const control = look.words(start, 128);
    const lock = look.lock(control, { index: 0, start, name: `shard ${i}`, kind: "turn" });
    const used = usedUnits(control, SMALL_TAIL, SMALL_PAD, layout.smallUnits) +
      usedUnits(control, MAIN_TAIL, MAIN_PAD, layout.mainUnits);
    return { lock, used };
  });
  const usedByteLength = UNIT * shards.reduce((sum, { used }) => sum + used, 0);
  const room = UNIT * layout.shards * (layout.smallUnits + layout.mainUnits);
  const flights = flightLocks(look);
  const looks = counts.hits + counts.misses;
  const full = usedByteLength / room;
  return {
    version,
    fields: {
      shards: layout.shards,
      buckets: layout.buckets * layout.shards,
      bucketByteLength: 4 * BUCKET_LENGTH,
      maxEntryByteLength: layout.maxEntryByteLength,
      usedByteLength,
      ...counts,
      computing: flights.length,
    },
    lines: {
      rings: `${formatSize(usedByteLength)} of ${formatSize(room)} (${percent(full)}) ` +
        `in ${layout.shards} shards, live and dead entries`,
      hits: looks === 0
        ? "none asked"
        : `${percent(counts.hits / looks)} (${counts.hits} of ${looks})`,
      sets: `${counts.sets}, evicted ${counts.evicted}, expired ${counts.expired}, ` +
        `rejected ${counts.rejected}`,
      computing: `${flights.length} keys`,
    },
    locks: [writersMutex(look, words), ...shards.map(({ lock }) => lock), ...flights],
    counts: { in: counts.sets, out: counts.hits, unit: "times" },
  };
}

/** How many units of a ring are taken; within it, whatever its words say. */
function usedUnits(control: Int32Array, tail: number, pad: number, units: number): number {
  const used = control[tail + 1]! - control[tail]!;
  const taken = used < 0 ? used + units - control[pad]! : used;
  return Math.min(units, Math.max(0, taken));
}

/** The keys that are being computed. */
function flightLocks(look: Look): LockPlace[] {
  const words = look.words(FLIGHTS_BYTE_OFFSET, 4 * FLIGHT_COUNT * FLIGHT_LENGTH);
  return Array.from({ length: FLIGHT_COUNT }, (_, i) => FLIGHT_LENGTH * i)
    .filter((index) => words[index] !== 0)
    .map((index) =>
      look.lock(words, { index, start: FLIGHTS_BYTE_OFFSET, name: "computing a key", kind: "once" })
    );
}
