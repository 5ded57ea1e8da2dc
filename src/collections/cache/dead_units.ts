/** When an entry is no more, and how much of a main ring is not needed any more. */

import {
  CLEARS,
  EPOCH,
  EXPIRED,
  EXPIRES,
  GIVEN_UP,
  HOLES,
  INFO,
  LEAST_UNITS,
  NAMESPACE_COUNT,
  NAMESPACE_EPOCH,
  NAMESPACE_LENGTH,
  NAMESPACE_SHIFT,
  NAMESPACES,
  NEXT_LOOK,
  PAD,
  SEEN_CLEARS,
  SINCE,
  STALE_FOR,
  UNIT_LENGTH,
  UNITS,
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

/** A fresh look at all of the ring is due when so much may have changed. */
const PART = 8;
const STEPS = 64;

/**
 * In units; at most an eighth of the ring less than there really are.
 *
 * @param exactly none less
 */
export function deadUnits(shard: Shard, exactly: boolean): number {
  const { words, floats } = shard.memory;
  const { control, main } = shard;
  const nextLook = floats[control + NEXT_LOOK >> 1]!;
  const isDue = exactly || words[control + SEEN_CLEARS] !== words[CLEARS] ||
    words[control + SINCE]! * PART >= main.units ||
    nextLook !== Infinity && !(Date.now() < nextLook);
  if (isDue) look(shard);
  return words[control + HOLES]! + words[control + EXPIRED]!;
}

/** Walks through the ring, counts, and finds out when the next look is due. */
function look(shard: Shard): void {
  const { words, floats } = shard.memory;
  const { control } = shard;
  const clears = Atomics.load(words, CLEARS);
  let holes = 0;
  let over = 0;
  const expiring: [expires: number, units: number][] = [];
  for (const entry of entriesOf(shard)) {
    const units = words[entry + UNITS]!;
    if (floats[entry >> 1] === GIVEN_UP || shard.slotOf(entry) === 0) holes += units;
    else if (isOver(shard, entry)) over += units;
    else {
      const expires = floats[entry + EXPIRES >> 1]! + floats[entry + STALE_FOR >> 1]!;
      if (expires < Infinity) expiring.push([expires, units]);
    }
  }
  words[control + HOLES] = holes;
  words[control + EXPIRED] = over;
  words[control + SINCE] = 0;
  words[control + SEEN_CLEARS] = clears;
  floats[control + NEXT_LOOK >> 1] = nextLook(expiring, shard.main.units / PART);
}

/** When so many units more will have expired. */
function nextLook(expiring: readonly [expires: number, units: number][], most: number): number {
  const first = expiring.reduce((least, [expires]) => Math.min(least, expires), Infinity);
  const last = expiring.reduce((most, [expires]) => Math.max(most, expires), 0);
  const steps = new Float64Array(STEPS + 1);
  const perStep = (last - first) / STEPS || 1;
  for (const [expires, units] of expiring) steps[Math.floor((expires - first) / perStep)]! += units;
  let sum = 0;
  for (let step = 0; step <= STEPS; step++) {
    sum += steps[step]!;
    if (sum >= most) return first + step * perStep;
  }
  return Infinity;
}

/** The entries of the main ring, from its tail on; nothing behind one that is damaged. */
function* entriesOf(shard: Shard): Generator<number, void> {
  const { words, floats } = shard.memory;
  const { main } = shard;
  const head = words[main.head]!;
  let at = words[main.tail]!;
  for (let wraps = 0; at !== head && wraps < 2;) {
    const entry = shard.data + UNIT_LENGTH * (main.start + at);
    if (at > main.units - LEAST_UNITS || floats[entry >> 1] === PAD) {
      at = 0;
      wraps++;
      continue;
    }
    if (!shard.isWhole(entry, main)) return;
    yield entry;
    at = (at + words[entry + UNITS]!) % main.units;
  }
}
