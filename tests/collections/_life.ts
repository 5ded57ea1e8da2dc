/**
 * The life of a process that writes to a log, a map and an array until it is killed: what it does at
 * each step follows from the step's number alone, so that whoever comes after can tell what has to be
 * there. Each operation that returned is counted in shared memory.
 */

import type { MmapRegion } from "@mmap/mmap";
import { AppendLog, SharedArray, SharedMap } from "@mmap/mmap/collections";
import { i64, struct, u32 } from "@mmap/mmap/struct";
import { Futex } from "@mmap/mmap/sync";

/** The elements of the array. */
export const Element = struct({ step: u32, twice: i64 });

/** Words of the region that the writer counts in; the bell is a futex. */
export const LOG = 0, MAP = 1, ARRAY = 2, TARGET = 3, WORK = 4, BELL_OFFSET = 64;

/** What WORK may hold: one of the three, so that most kills come in the middle of it, or all. */
export const ALL = 3;

/** How many keys the map has at most. */
export const KEYS = 24;

const BYTES = Uint8Array.from({ length: 1000 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);

/** Bytes that differ from step to step; made quickly, so that a kill comes while they are stored. */
function bytesOf(byteLength: number, step: number): Uint8Array {
  return BYTES.subarray(step % 251, step % 251 + byteLength);
}

/** What a step appends. */
export function recordOf(step: number): Uint8Array {
  return bytesOf(step * 7919 % 700, step);
}

/** What a step does to the map: it sets a key, or deletes it. */
export function changeOf(step: number): { key: string; value: Uint8Array | undefined } {
  const mixed = Math.imul(step, 0x9e3779b1) >>> 8;
  const value = mixed % 5 === 0 ? undefined : bytesOf(mixed % 200, step);
  return { key: `key ${mixed % KEYS}`, value };
}

/** What a step appends to the array. */
export function elementOf(step: number): { step: number; twice: bigint } {
  return { step, twice: BigInt(2 * step) };
}

/** The three of a directory. */
export interface Collections extends Disposable {
  readonly log: AppendLog;
  readonly map: SharedMap;
  readonly array: SharedArray<{ step: number; twice: bigint }>;
}

/** Opens them, or makes them. */
export function openAll(dir: string): Collections {
  using stack = new DisposableStack();
  const log = stack.use(AppendLog.open(`${dir}/log`, { create: true, access: "read-write" }));
  const geometry = { capacity: KEYS, maxKeyByteLength: 8, valueByteLength: 200 };
  const map = stack.use(SharedMap.open(`${dir}/map`, { create: true, ...geometry }));
  const array = stack.use(SharedArray.open(`${dir}/array`, Element, { create: true }));
  const moved = stack.move();
  return { log, map, array, [Symbol.dispose]: () => moved.dispose() };
}

/** Goes on where the counters are; rings the bell after TARGET steps, and never ends. */
export function live(dir: string, region: MmapRegion): never {
  const { log, map, array } = openAll(dir);
  const words = region.view(Int32Array);
  const bell = new Futex(region, BELL_OFFSET);
  const work = words[WORK]!;
  for (let steps = 1;; steps++) {
    if (work === LOG || work === ALL) {
      log.append(recordOf(words[LOG]! + 1));
      Atomics.add(words, LOG, 1);
    }
    if (work === MAP || work === ALL) {
      const { key, value } = changeOf(words[MAP]! + 1);
      if (value === undefined) map.delete(key);
      else map.set(key, value);
      Atomics.add(words, MAP, 1);
    }
    if (work === ARRAY || work === ALL) {
      array.push(elementOf(words[ARRAY]! + 1));
      Atomics.add(words, ARRAY, 1);
    }
    if (steps === words[TARGET]) {
      bell.store(1);
      bell.wake();
    }
  }
}
