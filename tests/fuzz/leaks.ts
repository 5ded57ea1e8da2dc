/** What a sequence has left behind. */

import { MmapRegion } from "@mmap/mmap";
import { guardTable } from "../../ffi/guard/guard.ts";
import { HEADER_BYTE_LENGTH, SLOT_BYTE_LENGTH } from "../../ffi/guard/layout.ts";
import { MODULE_NAME } from "../../ffi/store/store.ts";
import { descriptorsOf, mapsOf } from "../_process.ts";
import { collectGarbage } from "./operations/close.ts";
import { Mismatch } from "./mismatch.ts";

/** Where the table counts its slots, and what a slot has where: see table.ts. */
const USED_HALF = 2;
const START_BYTE_OFFSET = 0;
const CLAIMED_BYTE_OFFSET = 48;
const MAP_END_BYTE_OFFSET = 72;
const HOLDERS_BYTE_OFFSET = 84;
const OWNER_BYTE_OFFSET = 96;

/** Guard slots in use, of all isolates, but for the one that stands for each of them. */
function guardedRanges(): number {
  const table = guardTable();
  if (table === undefined) return 0;
  let count = 0;
  const isolates = new Set<number>();
  for (let i = 0; i < table.halves[USED_HALF]!; i++) {
    const slot = HEADER_BYTE_LENGTH + i * SLOT_BYTE_LENGTH;
    const half = (byteOffset: number): number => table.halves[(slot + byteOffset) / 4]!;
    const word = (byteOffset: number): bigint => table.words[(slot + byteOffset) / 8]!;
    if (half(CLAIMED_BYTE_OFFSET) === 0) continue;
    const idle = word(START_BYTE_OFFSET) === 0n && word(MAP_END_BYTE_OFFSET) === 0n &&
      half(HOLDERS_BYTE_OFFSET) === 0;
    if (idle && !isolates.has(half(OWNER_BYTE_OFFSET))) isolates.add(half(OWNER_BYTE_OFFSET));
    else count++;
  }
  return count;
}

/** What the process holds of things whose names contain one of `marks`. */
function held(marks: readonly string[]): string[] {
  const found = marks.flatMap((mark) => [
    ...descriptorsOf(mark).map((link) => `descriptor of ${link}`),
    ...mapsOf(mark).map((line) => `mapping ${line}`),
  ]);
  const slots = guardedRanges();
  // The process keeps it until its end.
  const left = found.filter((line) => !line.includes(MODULE_NAME));
  if (slots > 0) left.push(`${slots} guard slots`);
  if (MmapRegion.held > 0) left.push(`${MmapRegion.held} held ranges`);
  return left;
}

/** Finalizers run in a turn of the event loop behind the collection. */
async function collect(): Promise<void> {
  collectGarbage();
  await new Promise((resolve) => setTimeout(resolve));
}

/** Enough for every finalizer; a turn with nothing to collect takes some milliseconds. */
const MOST_TURNS = 100;

/**
 * Checks that nothing is left, once what was forgotten has been collected.
 *
 * @throws {Mismatch} If something is.
 */
export async function checkLeaks(
  marks: readonly string[],
  log: (line: string) => void,
): Promise<void> {
  for (let turn = 0; held(marks).length > 0 && turn < MOST_TURNS; turn++) {
    if (turn > 2) log(`collecting, ${turn}`);
    await collect();
  }
  const left = held(marks);
  if (left.length > 0) throw new Mismatch(`Left behind: ${left.join("; ")}`);
}
