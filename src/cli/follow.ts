/** `mmap dump --follow`: no event tells that memory has changed, so it is read again and again. */

import { type Chunk, CHUNK_BYTES, readChunk } from "./chunk.ts";
import { formatSize } from "./format.ts";
import { print } from "./output.ts";
import { type Rows, sameBytes } from "./rows.ts";
import type { Target } from "./target.ts";

/** How much can be followed. All of it is kept for comparison. */
export const MAX_FOLLOWED_BYTES: number = 2 ** 26;

const INTERVAL_MS = 100;

/** Marks a byte that was never read; 0 means present, and 1 missing. */
const UNKNOWN = 2;

/** The part of a target that is followed; without a length it grows with its object. */
interface FollowedPart {
  readonly offset: number;
  readonly length: number | undefined;
}

/** Prints the part, then what changes in it, until the process is interrupted (SIGINT). */
export async function follow(target: Target, part: FollowedPart, rows: Rows): Promise<void> {
  const { promise: interrupted, resolve } = Promise.withResolvers<void>();
  const stop = new AbortController();
  const interrupt = (): void => {
    stop.abort();
    resolve();
  };
  Deno.addSignalListener("SIGINT", interrupt);
  try {
    // A write never ends if the reader has stopped reading, so an interrupt does not wait for it.
    await Promise.race([watch(target, part, rows, stop.signal), interrupted]);
  } finally {
    interrupt(); // ends the pause, if an error ended the loop
    Deno.removeSignalListener("SIGINT", interrupt);
  }
}

async function watch(
  target: Target,
  part: FollowedPart,
  rows: Rows,
  signal: AbortSignal,
): Promise<void> {
  const seen = new Snapshot(part.offset);
  while (!signal.aborted) {
    const known = seen.byteLength;
    seen.extend(lengthOf(target, part, known));
    for (let at = 0; at < seen.byteLength && !signal.aborted; at += CHUNK_BYTES) {
      const byteLength = Math.min(CHUNK_BYTES, seen.byteLength - at);
      const chunk = readChunk(target, part.offset + at, byteLength);
      if (seen.has(chunk)) continue;
      await print(rows.addSome(chunk, (row) => seen.update(row)));
    }
    if (signal.aborted) return;
    await print(known === 0 && seen.byteLength > 0 ? rows.end() : rows.pause());
    await pause(signal);
    if (!signal.aborted) target.refresh();
  }
}

/** The length to follow. It never shrinks: the lost end of a file shows as missing. */
function lengthOf(target: Target, { offset, length }: FollowedPart, seen: number): number {
  const there = Math.max(0, target.byteLength - offset);
  const wanted = Math.max(seen, Math.min(there, length ?? Infinity));
  if (wanted <= MAX_FOLLOWED_BYTES) return wanted;
  throw new RangeError(
    `Cannot follow ${wanted} bytes: give a --length of at most ${formatSize(MAX_FOLLOWED_BYTES)}`,
  );
}

/** The content that was printed last, for comparison. */
class Snapshot {
  readonly #offset: number;
  #bytes = new Uint8Array(0);
  #missing = new Uint8Array(0);

  /** @param offset where in the target it begins */
  constructor(offset: number) {
    this.#offset = offset;
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  /** Adds further bytes, which are unknown. */
  extend(byteLength: number): void {
    if (byteLength <= this.byteLength) return;
    const bytes = new Uint8Array(byteLength);
    bytes.set(this.#bytes);
    const missing = new Uint8Array(byteLength).fill(UNKNOWN);
    missing.set(this.#missing);
    [this.#bytes, this.#missing] = [bytes, missing];
  }

  /** Whether a chunk is unchanged. */
  has(chunk: Chunk): boolean {
    return sameBytes(this.#like(chunk), chunk);
  }

  /** Stores a row. @returns whether it differs from the stored one */
  update(row: Chunk): boolean {
    const old = this.#like(row);
    if (sameBytes(old, row)) return false;
    old.bytes.set(row.bytes);
    old.missing.set(row.missing);
    return true;
  }

  /** The stored bytes at the position of another chunk. */
  #like({ byteOffset, bytes: { length } }: Chunk): Chunk {
    const start = byteOffset - this.#offset;
    return {
      byteOffset,
      bytes: this.#bytes.subarray(start, start + length),
      missing: this.#missing.subarray(start, start + length),
    };
  }
}

/** Ends early if the signal is aborted. */
async function pause(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  const timer = setTimeout(end, INTERVAL_MS);
  signal.addEventListener("abort", end);
  await promise;
  signal.removeEventListener("abort", end);
  clearTimeout(timer);
}
