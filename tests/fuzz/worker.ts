/** A Worker of the fuzzer: uses memory that it was given, in whatever form, and tells what it saw. */

import { type Access, MmapRegion, type RegionHandle } from "@mmap/mmap";

/** Memory for a Worker. */
export type Memory =
  | { handle: RegionHandle | string; access: Access }
  | { buffer: ArrayBuffer | SharedArrayBuffer };

/** What to do with it. */
export interface Job {
  readonly memory: Memory;
  /** Written first. */
  readonly writes: readonly { at: number; bytes: Uint8Array }[];
  /** Then read. */
  readonly reads: readonly { at: number; byteLength: number }[];
  /** Touch every page again and again until this is 1. */
  readonly stop?: Int32Array;
  /** Keep the memory afterwards. */
  readonly keep?: boolean;
}

/** Ends the keeping. */
export const FORGET = "forget";

/** What became of it. */
export type JobResult = { reads: Uint8Array[] } | { error: string };

/** What a Worker's global scope has; the types of this project are those of the main thread. */
const scope = globalThis as unknown as {
  postMessage(message: "begun" | JobResult): void;
  onmessage: (event: MessageEvent<Job | typeof FORGET>) => void;
};

const kept: unknown[] = [];

/** Adds nothing to a byte of each page, which is a write all the same. */
function hammer(bytes: Uint8Array, stop: Int32Array): void {
  let sum = 0;
  while (Atomics.load(stop, 0) === 0) {
    for (let at = 0; at < bytes.length; at += 1024) {
      Atomics.add(bytes, at, 0);
      sum += bytes[at]!;
    }
  }
  kept.length = Math.min(kept.length, sum + 100); // or the loop could be left out
}

function work(bytes: Uint8Array, { writes, reads, stop }: Job): Uint8Array[] {
  for (const { at, bytes: source } of writes) bytes.set(source, at);
  if (stop !== undefined) {
    scope.postMessage("begun");
    hammer(bytes, stop);
  }
  return reads.map(({ at, byteLength }) => Uint8Array.from(bytes.subarray(at, at + byteLength)));
}

function run(job: Job): Uint8Array[] {
  const { memory } = job;
  if ("buffer" in memory) {
    if (job.keep === true) kept.push(memory.buffer);
    return work(new Uint8Array(memory.buffer), job);
  }
  using region = MmapRegion.attach(memory.handle, { access: memory.access });
  return work(region.bytes, job);
}

/** Needs --expose-gc. */
async function forget(): Promise<void> {
  kept.length = 0;
  // Turns of the event loop, so that the last job's message is out of reach too.
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve));
  (globalThis as unknown as { gc(): void }).gc();
  scope.postMessage({ reads: [] });
}

scope.onmessage = ({ data }: MessageEvent<Job | typeof FORGET>) => {
  if (data === FORGET) return void forget();
  let result: JobResult;
  try {
    result = { reads: run(data) };
  } catch (error) {
    result = { error: `${error}` };
  }
  if (kept.length > 20) kept.splice(0, 10);
  scope.postMessage(result);
};
