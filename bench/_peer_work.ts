/** What peers_bench.ts lets all sides do, and what came of it. */

import { KiB, MiB } from "./_work.ts";

/** A work that the programs peers/files.* know by its `name`. */
export interface FileWork {
  readonly name: string;
  readonly title: string;
  /** Once per side and round. */
  readonly times: number;
  /** Before the first round: until a compiler that works while the program runs has done its work. */
  readonly warmUp?: number;
  /** Which file: a shared one, or one of each side's own. */
  readonly file: "small" | "data" | "disk" | "own" | "own on disk";
}

/** The length of the file that is searched and read. */
export const DATA_BYTE_LENGTH = 64 * MiB;
/** The length of the file that is opened and closed, and with which growing starts. */
export const SMALL_BYTE_LENGTH = 64 * KiB;
/** The length of the file that is written to. */
export const WRITTEN_BYTE_LENGTH = 4 * MiB;

export const FILE_WORKS: readonly FileWork[] = [
  {
    name: "open-close",
    title: "open, first byte, close, 64 KiB",
    times: 300,
    warmUp: 5_000,
    file: "small",
  },
  { name: "sum", title: "open, sum of 64 MiB, close", times: 1, file: "data" },
  { name: "sum", title: "the same of a cached file on disk", times: 1, file: "disk" },
  { name: "read-4k", title: "4 KiB at random, copied", times: 10_000, file: "data" },
  { name: "read-8", title: "8 B at random", times: 50_000, warmUp: 1_000_000, file: "data" },
  { name: "search", title: "absent text in 64 MiB", times: 1, file: "data" },
  { name: "write-flush", title: "write 4 KiB, flush to disk", times: 10, file: "own on disk" },
  { name: "grow", title: "grow by 64 KiB, write there", times: 64, warmUp: 640, file: "own" },
];

export const LATENCY = "round trip of 64 B";
export const THROUGHPUT = "64 B messages, each";

/** What one side took. */
export interface Figure {
  readonly peer: string;
  /** The median of the rounds, for one unit of the work. */
  readonly nanoseconds: number;
  /** In our time: below 1, the peer is faster. */
  readonly ratio: number;
}

/** Who did not take part, and why. */
export interface Absence {
  readonly peer: string;
  readonly reason: string;
}

/** All sides of one work. */
export interface Outcome {
  readonly work: string;
  readonly figures: readonly Figure[];
  readonly absent: readonly Absence[];
}

/** Who everybody is compared with. */
export const OURS = "@mmap/mmap";

/** The figures of sides from their medians, ours the first one. */
export function outcomeOf(
  work: string,
  names: readonly string[],
  medians: readonly number[],
  absent: readonly Absence[],
): Outcome {
  const figures = names.map((peer, i) => ({
    peer,
    nanoseconds: medians[i]!,
    ratio: medians[i]! / medians[0]!,
  }));
  return { work, figures, absent };
}
