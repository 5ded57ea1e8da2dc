/** The work that the benchmarks measure, and the files that it is done on. */

import { MmapRegion } from "@mmap/mmap";
import { median } from "./_ratio.ts";

export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;
export const TiB = 1024 * GiB;

/** Runs `body` with a new directory, and removes it afterwards. */
export async function withDirectory(
  body: (dir: string) => Promise<void>,
  parent?: string,
): Promise<void> {
  const where = parent === undefined ? {} : { dir: parent };
  const dir = await Deno.makeTempDir({ prefix: "mmap_bench_", ...where });
  try {
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** A file of `byteLength` bytes, all of them written, so that they are in the page cache. */
export function makeFullFile(dir: string, byteLength: number): string {
  const path = `${dir}/full-${byteLength}.bin`;
  using file = Deno.openSync(path, { write: true, createNew: true });
  const chunk = Uint8Array.from({ length: MiB }, (_, i) => i & 1);
  for (let done = 0; done < byteLength; done += chunk.length) file.writeSync(chunk);
  return path;
}

/** A file that is `byteLength` bytes long and has no blocks. */
export function makeSparseFile(dir: string, byteLength: number): string {
  const path = `${dir}/sparse-${byteLength}.bin`;
  using file = Deno.openSync(path, { write: true, createNew: true });
  file.truncateSync(byteLength);
  return path;
}

/** A loop over plain elements, as a program writes it. */
export function sum(numbers: Float64Array): number {
  let total = 0;
  for (let i = 0; i < numbers.length; i++) total += numbers[i]!;
  return total;
}

/** Opens and closes private anonymous memory. */
export function openAndClosePrivate(byteLength: number): void {
  MmapRegion.anonymous(byteLength, { sharing: "private" }).close();
}

export const RECORD_BYTE_LENGTH = 4 * KiB;

/** In 8-byte numbers. */
const RECORD_LENGTH = RECORD_BYTE_LENGTH / 8;

/** The numbers of one cache line. */
const LINE_LENGTH = 8;

/** Which records of a file to read: an order that nobody can guess, the same at every run. */
export function shuffledRecords(count: number, fileByteLength: number): Uint32Array {
  let state = 1;
  return Uint32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * (fileByteLength / RECORD_BYTE_LENGTH));
  });
}

/** Reads records with the calls of `Deno.FsFile`; `use` gets each of them in the same buffer. */
export function readByFile(
  file: Deno.FsFile,
  records: Uint32Array,
  use: (record: Float64Array) => number,
): number {
  const record = new Float64Array(RECORD_LENGTH);
  const bytes = new Uint8Array(record.buffer);
  let total = 0;
  for (let i = 0; i < records.length; i++) {
    file.seekSync(records[i]! * RECORD_BYTE_LENGTH, Deno.SeekMode.Start);
    file.readSync(bytes);
    total += use(record);
  }
  return total;
}

/** The first number of a record. */
export function firstNumber(record: Float64Array): number {
  return record[0]!;
}

/** As `readByFile(..., firstNumber)`, in place. */
export function firstNumbers(numbers: Float64Array, records: Uint32Array): number {
  let total = 0;
  for (let i = 0; i < records.length; i++) total += numbers[records[i]! * RECORD_LENGTH]!;
  return total;
}

/** One number of each cache line of a record. */
export function eachLine(record: Float64Array): number {
  let total = 0;
  for (let i = 0; i < RECORD_LENGTH; i += LINE_LENGTH) total += record[i]!;
  return total;
}

/** As `readByFile(..., eachLine)`, in place. */
export function eachLines(numbers: Float64Array, records: Uint32Array): number {
  let total = 0;
  for (let i = 0; i < records.length; i++) {
    const start = records[i]! * RECORD_LENGTH;
    for (let j = 0; j < RECORD_LENGTH; j += LINE_LENGTH) total += numbers[start + j]!;
  }
  return total;
}

/** Copies records out of a mapping, each into the same buffer. */
export function copyByView(bytes: Uint8Array, records: Uint32Array): void {
  const target = new Uint8Array(RECORD_BYTE_LENGTH);
  for (let i = 0; i < records.length; i++) {
    const start = records[i]! * RECORD_BYTE_LENGTH;
    target.set(bytes.subarray(start, start + RECORD_BYTE_LENGTH));
  }
}

/**
 * How long opening takes at the median, in nanoseconds; closing does not count. The median, because
 * V8 takes the length of a mapping for memory that it might free: now and then it collects garbage
 * when a huge one is opened.
 */
export function timeOpening(open: () => MmapRegion, times: number): number {
  const nanoseconds = Array.from({ length: times }, () => {
    // The same before each of them: unmapping a huge range empties the processor's caches of
    // addresses, which slows down whatever comes next.
    openAndClosePrivate(64 * KiB);
    const start = performance.now();
    using _region = open();
    return (performance.now() - start) * 1e6;
  });
  return median(nanoseconds);
}
