/** What the kernel says of a mapping's memory. */

import { addressOf } from "../../ffi/memory.ts";
import { readProc } from "../../ffi/proc.ts";
import type { Mapping } from "./mapping.ts";

/** The memory of a region, in bytes, from /proc/self/smaps. */
export interface RegionStats {
  /** In memory and mapped by this process ("Rss"). */
  resident: number;
  /** This process's share of it, where others map the same pages ("Pss"). */
  proportional: number;
  /** Of the resident part, pages that other processes map too. */
  shared: number;
  /** Of the resident part, pages that only this process maps. */
  private: number;
  /** Of the resident part, pages that were changed and not written back. */
  dirty: number;
  /** Swapped out ("Swap"). */
  swap: number;
  /** Locked in memory ("Locked"). */
  locked: number;
}

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

/** The sums over all of a mapping's entries; the guard or `protect` may have split it. */
export function statsOf({ pointer, byteLength }: Mapping): RegionStats {
  const start = addressOf(pointer);
  const end = start + BigInt(byteLength);
  const totals = new Map<string, number>();
  for (const [, from, to, lines] of readProc("/proc/self/smaps").matchAll(ENTRY)) {
    if (BigInt(`0x${to}`) <= start || BigInt(`0x${from}`) >= end) continue;
    for (const [, name, kibibytes] of lines!.matchAll(/^(\w+): +(\d+) kB$/gm)) {
      totals.set(name!, (totals.get(name!) ?? 0) + Number(kibibytes) * 1024);
    }
  }
  const sum = (names: readonly string[]) =>
    names.reduce((bytes, name) => bytes + (totals.get(name) ?? 0), 0);
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
