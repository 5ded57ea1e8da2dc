/** One job three ways: how many words does a file have? */

import { MmapRegion } from "@mmap/mmap";
import { countWords, sliceEnds } from "./words.ts";

/** The result of one way to count. */
export interface Count {
  way: string;
  processes: number;
  bytes: number;
  words: number;
  /** From the file's path to the number of words. */
  wallMs: number;
  /** The part of that spent on counting; for several processes, the slowest one's. */
  countingMs: number;
}

/** Reads the whole file into memory and counts there. */
export async function countRead(path: string): Promise<Count> {
  const began = performance.now();
  const bytes = await Deno.readFile(path);
  return counted("read the file", bytes, began);
}

/** Maps the file and counts in place. */
export function countMapped(path: string): Count {
  const began = performance.now();
  using file = MmapRegion.open(path);
  return counted("map the file", file.bytes, began);
}

function counted(way: string, bytes: Uint8Array, began: number): Count {
  const countingBegan = performance.now();
  const words = countWords(bytes);
  const ended = performance.now();
  return {
    way,
    processes: 1,
    bytes: bytes.length,
    words,
    wallMs: ended - began,
    countingMs: ended - countingBegan,
  };
}

/**
 * Maps the file once; each child attaches to the mapping, counts its slice of it, and leaves its
 * result in anonymous memory that they all share. Only a handle and two offsets are handed over.
 */
export async function countShared(path: string, processes: number): Promise<Count> {
  const began = performance.now();
  using file = MmapRegion.open(path);
  using results = MmapRegion.anonymous(processes * 16);
  const env = { ...file.env("DEMO_FILE"), ...results.env("DEMO_RESULTS") };
  const ends = sliceEnds(file.bytes, processes);
  await Promise.all(ends.map((end, i) => countSlice([i, ends[i - 1] ?? 0, end], env)));

  const [words, countingMs] = [0, 1].map((field) =>
    Array.from({ length: processes }, (_, i) => results.view(Float64Array, i * 16)[field]!)
  ) as [number[], number[]];
  return {
    way: "map it, shared",
    processes,
    bytes: file.byteLength,
    words: words.reduce((sum, part) => sum + part),
    wallMs: performance.now() - began,
    countingMs: Math.max(...countingMs),
  };
}

async function countSlice(args: number[], env: Record<string, string>): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-ffi", import.meta.resolve("./count_child.ts"), ...args.map(String)],
    env,
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Process ${args[0]} could not count its slice`);
}
