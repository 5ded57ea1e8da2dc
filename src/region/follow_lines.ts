/** Following the lines of a file that grows, as `tail -F` does: `followLines` loads this when it begins. */

import { openRegular } from "../object/open_file.ts";
import { system } from "../os/mod.ts";
import type { ObjectStatus, OpenedObject, OpenObject } from "../os/system.ts";
import { tryRead } from "./bytes.ts";
import { mapFile } from "./make.ts";
import { planMap } from "./plan.ts";
import { LINE_FEED } from "./text_blocks.ts";

const ACTION = "follow lines";

/** How much is read at once. */
const CHUNK_BYTE_LENGTH = 2 ** 20;

/** The pauses between two looks at a file that does not grow. */
const SHORTEST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;

/** A file at one moment: which it was, and how long. */
export type FileMark = Pick<ObjectStatus, "device" | "inode" | "byteLength">;

/** What to follow. */
export interface FollowPlan {
  readonly path: string;
  /** The file behind whose present end to begin; any other is read from its start. */
  readonly mark: FileMark | undefined;
  readonly onRotate: (why: "renamed" | "truncated") => void;
  /** Ends the iteration with its reason. */
  readonly signal: AbortSignal | undefined;
  /** Ends the iteration. */
  readonly stopped: AbortSignal;
}

/** The lines, for ever. */
export async function* follow(plan: FollowPlan): AsyncGenerator<string, void> {
  const { signal, stopped, onRotate } = plan;
  const ends = signal === undefined ? stopped : AbortSignal.any([signal, stopped]);
  using tail = new Tail(plan);
  for (let pauseMs = SHORTEST_PAUSE_MS; !stopped.aborted;) {
    signal?.throwIfAborted();
    const { lines, rotated, more } = tail.look();
    for (const line of lines) {
      yield line;
      signal?.throwIfAborted();
    }
    if (rotated !== undefined) onRotate(rotated);
    const isBusy = more || rotated !== undefined;
    pauseMs = isBusy || lines.length > 0
      ? SHORTEST_PAUSE_MS
      : Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    // While there is more, timers and other events get their turn too.
    await pause(isBusy ? 0 : pauseMs, ends);
  }
  signal?.throwIfAborted();
}

/** Ends early if the signal is aborted. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  const timer = setTimeout(end, ms);
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  await promise;
  signal.removeEventListener("abort", end);
  clearTimeout(timer);
}

/** What one look has found. */
interface Look {
  readonly lines: readonly string[];
  readonly rotated?: "renamed" | "truncated";
  /** Whether there is more to read. */
  readonly more?: boolean;
}

/** A file, and how far it was read. */
class Tail implements Disposable {
  readonly #path: string;
  #mark: FileMark | undefined;
  #file: OpenedObject | undefined;
  #at = 0;
  readonly #splitter = new Splitter();

  constructor({ path, mark }: FollowPlan) {
    this.#path = path;
    this.#mark = mark;
  }

  look(): Look {
    // Before the old file is read: once another one is at the path, no more is expected in the old.
    const next = this.#openNext();
    if (this.#file === undefined) {
      if (next !== undefined) this.#begin(next);
      return { lines: [], more: next !== undefined };
    }
    const { objects } = system();
    const bytes = this.#read(this.#file.object);
    if (bytes !== undefined) {
      if (next !== undefined) objects.close(next.object); // after the rest of the old one
      return { lines: this.#splitter.add(bytes), more: true };
    }
    if (next !== undefined) {
      objects.close(this.#file.object);
      this.#begin(next);
      return { lines: this.#splitter.end(), rotated: "renamed" };
    }
    if (objects.status(this.#file.object).byteLength >= this.#at) return { lines: [] };
    this.#at = 0;
    return { lines: this.#splitter.end(), rotated: "truncated" };
  }

  /** The file at the path, if it is another one than before. */
  #openNext(): OpenedObject | undefined {
    const opened = openRegular(this.#path, ACTION);
    if (opened === undefined || this.#file === undefined) return opened;
    if (!isSame(opened.status, this.#file.status)) return opened;
    system().objects.close(opened.object);
    return undefined;
  }

  #begin(file: OpenedObject): void {
    const mark = this.#mark;
    this.#mark = undefined;
    this.#file = file;
    this.#at = mark !== undefined && isSame(file.status, mark) ? mark.byteLength : 0;
  }

  /**
   * The bytes that follow; undefined if there are none now. They are copied from a mapping of the
   * moment, which is no obstacle to those who cut or remove the file.
   */
  #read(file: OpenObject): Uint8Array | undefined {
    const { objects } = system();
    const status = objects.status(file);
    const byteLength = Math.min(CHUNK_BYTE_LENGTH, status.byteLength - this.#at);
    if (byteLength <= 0) return undefined;
    const bytes = new Uint8Array(byteLength);
    const copied = copyFrom(file, status, this.#at, bytes, this.#path);
    // Behind the end of a file that was cut meanwhile there are zeros, up to the end of the page.
    const there = Math.min(copied, objects.status(file).byteLength - this.#at);
    if (there <= 0) return undefined;
    this.#at += there;
    return bytes.subarray(0, there);
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) system().objects.close(this.#file.object);
    this.#file = undefined;
  }
}

/** Copies from a file. @returns how many bytes */
function copyFrom(
  file: OpenObject,
  status: ObjectStatus,
  byteOffset: number,
  target: Uint8Array,
  subject: string,
): number {
  const { objects } = system();
  const byteLength = target.length;
  const plan = planMap({ byteOffset, byteLength }, ACTION, "read");
  const object = objects.duplicate(file);
  let backing;
  try {
    const nature = objects.nature(object, status);
    backing = mapFile({ plan, byteLength, object, subject, kind: "file", nature });
  } catch (error) {
    objects.close(object);
    throw error;
  }
  try {
    return tryRead(backing, target, 0);
  } finally {
    backing.close();
  }
}

function isSame(a: FileMark, b: FileMark): boolean {
  return a.device === b.device && a.inode === b.inode;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Cuts bytes into lines, and keeps the last one until its newline comes. */
class Splitter {
  /** The parts of the line that has no newline yet. */
  #parts: Uint8Array[] = [];

  add(bytes: Uint8Array): string[] {
    const end = bytes.lastIndexOf(LINE_FEED);
    const rest = bytes.subarray(end + 1);
    if (end === -1) {
      this.#parts.push(rest);
      return [];
    }
    this.#parts.push(bytes.subarray(0, end));
    const lines = this.#take().split("\n").map(withoutReturn);
    if (rest.length > 0) this.#parts.push(rest);
    return lines;
  }

  /** The line that will never get its newline. */
  end(): string[] {
    return this.#parts.length === 0 ? [] : [this.#take()];
  }

  #take(): string {
    const text = this.#parts.map((part) => decoder.decode(part, { stream: true })).join("") +
      decoder.decode();
    this.#parts = [];
    return text;
  }
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
