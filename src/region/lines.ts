/** The lines of a region's text, one at a time, from either end. */

import {
  callable,
  checkOptions,
  choice,
  flag,
  type Names,
  optionalSignal,
} from "../check/options.ts";
import type { Mapping } from "../mapping/mapping.ts";
import { type ByteRange, RANGE, readRange } from "../check/range.ts";
import { openRegular } from "../object/open_file.ts";
import { pathOf } from "../object/path.ts";
import { system } from "../os/mod.ts";
import type { RegionBacking } from "./backing.ts";
import { ACTION, LINE_FEED, Rest, textAfter, textBefore } from "./text_blocks.ts";

/** Options of `lines`. */
export interface LinesOptions extends ByteRange {
  /**
   * The form of a line: text, or bytes, which are a view of the region and not a copy.
   * @default {"text"}
   */
  as?: "text" | "bytes";
  /**
   * Whether the last line comes first.
   * @default {false}
   */
  reverse?: boolean;
}

/** An iterator that has `map`, `filter`, `take` and so on. */
export type LineIterator<T> = IteratorObject<T, undefined, unknown>;

const LINES: Names<LinesOptions> = { ...RANGE, as: true, reverse: true };

const CARRIAGE_RETURN = 13;

const FOLLOWING = "follow lines";

/** The lines of a range. If the region is closed meanwhile, the iteration throws. */
export function linesOf(
  backing: RegionBacking,
  options: LinesOptions | undefined,
): LineIterator<string> | LineIterator<Uint8Array<ArrayBuffer>> {
  const range = readRange(options, ACTION, LINES);
  const form = choice(options?.as, ["text", "bytes"], "`as`", ACTION) ?? "text";
  const reverse = flag(options?.reverse, "reverse", ACTION, false);
  backing.live(ACTION);
  const rest = new Rest(backing, backing.span(range, ACTION));
  if (form === "bytes") return new Bytes(rest, reverse);
  return reverse ? new TextBackwards(rest) : new TextForwards(rest);
}

/** Options of {@linkcode followLines}. */
export interface FollowLinesOptions {
  /**
   * "end": begins with what is added from now on; a file that is missing or empty now, from its
   * start.
   * @default {"end"}
   */
  from?: "start" | "end";
  /** Ends the iteration, by throwing its reason. */
  signal?: AbortSignal;
  /**
   * Called before the first line of what came in the place of the old file:
   * - "renamed": another file is at the path;
   * - "truncated": it has become shorter, and is read from its start.
   */
  onRotate?: (why: "renamed" | "truncated") => void;
}

const FOLLOW: Names<FollowLinesOptions> = { from: true, signal: true, onRotate: true };

/**
 * The lines that are added to a file, as `tail -F` shows them. It never ends by itself: leave the
 * loop, or abort the signal.
 *
 * A missing file is waited for. If another file takes the path (a log was rotated), the old one is
 * read to its end first. A line is given once its newline is there; the last one of a file that was
 * replaced or cut, without. It is text in UTF-8, without its "\n" or "\r\n".
 *
 * The file is looked at every 5 ms while it grows, and every 100 ms while it does not. Between two
 * looks it is not mapped, so others may cut, rename and remove it. A file that was cut and has
 * grown beyond its old length between two looks cannot be told from one that has just grown.
 *
 * Requires `--allow-ffi`, and nothing else.
 *
 * @throws {TypeError} If the path is not one, or an option is unknown or of another type.
 * @throws {Deno.errors.PermissionDenied} EACCES: no right to read it. Here, or later in the loop.
 * @throws {Deno.errors.IsADirectory} If it is a directory.
 * @throws {Deno.errors.NotSupported} If it is anything else that is no regular file.
 *
 * @example
 * ```ts
 * import { followLines } from "@mmap/mmap";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * const lines = followLines(path, { signal: AbortSignal.timeout(60_000) });
 * await Deno.writeTextFile(path, "first\nsecond\nhalf a line");
 * const seen: string[] = [];
 * for await (const line of lines) {
 *   seen.push(line);
 *   if (seen.length === 2) break;
 * }
 * assertEquals(seen, ["first", "second"]);
 * await Deno.remove(path);
 * ```
 */
export function followLines(
  path: string | URL,
  options: FollowLinesOptions = {},
): AsyncIterableIterator<string, void, void> {
  checkOptions(options, FOLLOW, FOLLOWING);
  const from = choice(options.from, ["start", "end"], "from", FOLLOWING) ?? "end";
  const signal = optionalSignal(options.signal, FOLLOWING);
  const onRotate = callable(options.onRotate ?? (() => {}), "onRotate", FOLLOWING);
  const text = pathOf(path);
  const there = openRegular(text, FOLLOWING);
  if (there !== undefined) system().objects.close(there.object);
  const mark = from === "end" ? there?.status : undefined;
  const stop = new AbortController();
  const plan = { path: text, mark, onRotate, signal, stopped: stop.signal };
  let lines: Promise<AsyncGenerator<string, void>> | undefined;
  return {
    async next(): Promise<IteratorResult<string, void>> {
      lines ??= import("./follow_lines.ts").then(({ follow }) => follow(plan));
      return (await lines).next();
    },
    // A generator alone would first wait for the next line.
    async return(): Promise<IteratorResult<string, void>> {
      stop.abort();
      await (await lines)?.return();
      return DONE;
    },
    [Symbol.asyncIterator](): AsyncIterableIterator<string, void, void> {
      return this;
    },
  };
}

/** The end of a line without the \r before its newline. */
function textEnd(text: string, start: number, end: number): number {
  return end > start && text.charCodeAt(end - 1) === CARRIAGE_RETURN ? end - 1 : end;
}

const DONE = { done: true, value: undefined } as const;

class TextForwards extends Iterator<string, undefined, unknown> {
  readonly #rest: Rest;
  #text = "";
  #at = 0;
  /**
   * Where the text was read, how many of its lines were returned, and the region's length at that
   * time.
   */
  #start = 0;
  #given = 0;
  #byteLength = 0;

  constructor(rest: Rest) {
    super();
    this.#rest = rest;
  }

  override next(): IteratorResult<string, undefined> {
    if (this.#rest.byteLength !== this.#byteLength) this.#forget();
    if (this.#at >= this.#text.length && !this.#advance()) return DONE;
    const text = this.#text;
    const start = this.#at;
    const newline = text.indexOf("\n", start);
    this.#at = newline === -1 ? text.length : newline + 1;
    this.#given++;
    const end = newline === -1 ? text.length : textEnd(text, start, newline);
    return { done: false, value: text.slice(start, end) };
  }

  #forget(): void {
    if (this.#at < this.#text.length) {
      this.#rest.start = this.#rest.skip(this.#start, this.#given);
    }
    this.#text = "";
    this.#at = 0;
    this.#byteLength = this.#rest.byteLength;
  }

  #advance(): boolean {
    this.#start = this.#rest.start;
    this.#given = 0;
    this.#at = 0;
    this.#text = textAfter(this.#rest) ?? "";
    return this.#text.length > 0;
  }
}

class TextBackwards extends Iterator<string, undefined, unknown> {
  readonly #rest: Rest;
  /** The remaining lines of a text: `split` is quicker than looking for newlines backwards. */
  #lines: string[] = [];
  /** Whether the last one ends with a newline. */
  #ended = false;
  /** The end of the text that they come from, and the region's length at that time. */
  #end = 0;
  #byteLength = 0;

  constructor(rest: Rest) {
    super();
    this.#rest = rest;
  }

  override next(): IteratorResult<string, undefined> {
    if (this.#rest.byteLength !== this.#byteLength) this.#forget();
    if (this.#lines.length === 0 && !this.#advance()) return DONE;
    const line = this.#lines.pop()!;
    const value = this.#ended ? line.slice(0, textEnd(line, 0, line.length)) : line;
    this.#ended = true;
    return { done: false, value };
  }

  #forget(): void {
    const rest = this.#rest;
    const start = rest.end; // which is where the text of the lines begins
    if (this.#lines.length > 0) {
      rest.end = this.#end;
      rest.end = rest.skip(start, this.#lines.length);
    }
    this.#lines = [];
    this.#byteLength = rest.byteLength;
  }

  #advance(): boolean {
    this.#end = this.#rest.end;
    const text = textBefore(this.#rest);
    if (text === undefined) return false;
    this.#lines = text.split("\n");
    this.#ended = text.endsWith("\n");
    if (this.#ended) this.#lines.pop();
    return true;
  }
}

/** A view of a line, without its newline if it has one. */
function lineView(mapping: Mapping, start: number, end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(mapping.buffer, start, end - start);
  const last = bytes.length - 1;
  if (bytes[last] !== LINE_FEED) return bytes;
  return bytes.subarray(0, bytes[last - 1] === CARRIAGE_RETURN ? last - 1 : last);
}

class Bytes extends Iterator<Uint8Array<ArrayBuffer>, undefined, unknown> {
  readonly #rest: Rest;
  readonly #reverse: boolean;

  constructor(rest: Rest, reverse: boolean) {
    super();
    this.#rest = rest;
    this.#reverse = reverse;
  }

  override next(): IteratorResult<Uint8Array<ArrayBuffer>, undefined> {
    const rest = this.#rest;
    const { mapping, start, end } = rest;
    if (start >= end) return DONE;
    if (this.#reverse) rest.end = rest.lastCut(end - 1);
    else rest.start = rest.firstCut(start);
    const value = this.#reverse
      ? lineView(mapping, rest.end, end)
      : lineView(mapping, start, rest.start);
    return { done: false, value };
  }
}
