/** What the kernel reports about a mapping's memory. */

import { addressOf, type Range } from "../../../ffi/memory.ts";
import { pageSize } from "../../../ffi/file_calls.ts";
import { readProc } from "../../../ffi/proc.ts";
import { alignUp, max, min } from "../arithmetic.ts";
import type { RegionStats } from "../system.ts";

/** Which lines of smaps make up each figure. */
const FIELDS: Readonly<Record<keyof RegionStats, readonly string[]>> = {
  resident: ["Rss"],
  proportional: ["Pss"],
  shared: ["Shared_Clean", "Shared_Dirty"],
  private: ["Private_Clean", "Private_Dirty"],
  dirty: ["Shared_Dirty", "Private_Dirty"],
  swap: ["Swap"],
  locked: ["Locked"],
};

/** "7f0000000000-7f0000001000 rw-s ..." and the lines "Rss:      4 kB" that follow it. */
const ENTRY = /^([0-9a-f]+)-([0-9a-f]+) .*\n((?:[A-Z].*\n)*)/gm;

const SMAPS = "/proc/self/smaps";

/** @throws {Deno.errors.NotSupported} If there is no /proc, as in some sandboxes. */
function readSmaps(): string {
  try {
    return readProc(SMAPS);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotSupported(`Cannot read statistics as there is no ${SMAPS} here`);
  }
}

/**
 * See `MemorySystem.usage`. Sums all entries, since the guard or `protect` may have split the
 * mapping.
 */
export function usage({ pointer, byteLength }: Range): RegionStats {
  const start = addressOf(pointer);
  const room = alignUp(byteLength, pageSize());
  const end = start + BigInt(room);
  const totals = new Map<string, number>();
  for (const [, from, to, lines] of readSmaps().matchAll(ENTRY)) {
    const overlap = Number(min(end, BigInt(`0x${to}`)) - max(start, BigInt(`0x${from}`)));
    if (overlap <= 0) continue;
    for (const [, name, kibibytes] of lines!.matchAll(/^(\w+): +(\d+) kB$/gm)) {
      totals.set(name!, (totals.get(name!) ?? 0) + Math.min(Number(kibibytes) * 1024, overlap));
    }
  }
  const sum = (names: readonly string[]) =>
    Math.min(room, names.reduce((bytes, name) => bytes + (totals.get(name) ?? 0), 0));
  return {
    resident: sum(FIELDS.resident),
    proportional: sum(FIELDS.proportional),
    shared: sum(FIELDS.shared),
    private: sum(FIELDS.private),
    dirty: sum(FIELDS.dirty),
    swap: sum(FIELDS.swap),
    locked: sum(FIELDS.locked),
  };
}
