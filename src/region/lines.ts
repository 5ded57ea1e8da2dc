/** The lines of a region's text, one at a time, from either end. */

import { libc } from "../../ffi/libc.ts";
import type { Mapping } from "../mapping/mapping.ts";
import { loadNeedle } from "../mapping/needle.ts";
import { type ByteRange, readRange, type Span } from "../mapping/pages.ts";
import { firstIn, lastIn } from "../mapping/search.ts";
import { shown } from "../../ffi/arguments.ts";
import type { RegionCore } from "./core.ts";

/** Options of `lines`. */
export interface LinesOptions extends ByteRange {
  /**
   * What a line is given as: text, or bytes, which are a view of the region and no copy.
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

const ACTION = "read lines";
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/**
 * How much text is decoded at once. Calls for each line would take longer than the decoding; and
 * V8 keeps the whole of it as long as a program keeps one of its lines.
 */
const BLOCK_BYTE_LENGTH = 16_384;

/** The longest text that V8 has: `node:buffer` calls it `MAX_STRING_LENGTH`. */
const MAX_TEXT_LENGTH = 2 ** 29 - 24;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
// Captured at load, as everything that decides what is read.
const { decode } = TextDecoder.prototype;
const apply = Reflect.apply;

const block = new Uint8Array(BLOCK_BYTE_LENGTH);

/** The lines of a range. The region may be closed meanwhile: that ends them by an error. */
export function linesOf(
  core: RegionCore,
  options: LinesOptions | undefined,
): LineIterator<string> | LineIterator<Uint8Array<ArrayBuffer>> {
  const range = readRange(options, ACTION);
  const form = options?.as ?? "text";
  const reverse = options?.reverse ?? false;
  if (form !== "text" && form !== "bytes") {
    throw new TypeError(
      `Cannot ${ACTION} as \`as\` must be "text" or "bytes": received ${shown(form)}`,
    );
  }
  if (typeof reverse !== "boolean") {
    throw new TypeError(
      `Cannot ${ACTION} as reverse must be a boolean: received ${shown(reverse)}`,
    );
  }
  core.live(ACTION);
  const rest = new Rest(core, core.span(range, ACTION));
  if (form === "bytes") return reverse ? new BytesBackwards(rest) : new BytesForwards(rest);
  return reverse ? new TextBackwards(rest) : new TextForwards(rest);
}

/** What of a range was not given yet. */
class Rest {
  readonly #core: RegionCore;
  start: number;
  #end: number;

  constructor(core: RegionCore, { byteOffset, byteLength }: Span) {
    this.#core = core;
    this.start = byteOffset;
    this.#end = byteOffset + byteLength;
  }

  /** @throws {Deno.errors.BadResource} If the region is closed. */
  get mapping(): Mapping {
    return this.#core.live(ACTION);
  }

  /** Where it ends: the region may have become shorter meanwhile. */
  get end(): number {
    const { lead, byteLength } = this.#core;
    return this.#end < lead + byteLength ? this.#end : lead + byteLength;
  }

  set end(value: number) {
    this.#end = value;
  }

  /** Behind the first newline at `from` or after it; the end, if there is none. */
  firstCut(from: number): number {
    const { mapping, end } = this;
    const found = firstIn(mapping, span(from, end), loadNeedle(LINE_FEED));
    return found === -1 ? end : from + found + 1;
  }

  /** Behind the last newline before `to`; the start, if there is none. */
  lastCut(to: number): number {
    const { mapping, start } = this;
    return start + lastIn(mapping, span(start, to), loadNeedle(LINE_FEED)) + 1;
  }
}

function span(start: number, end: number): Span {
  return { byteOffset: start, byteLength: Math.max(0, end - start) };
}

/**
 * The text of a part of the mapping. It is copied first: what another process writes meanwhile
 * must not confuse the decoder, which goes over its input twice.
 */
function textOf(mapping: Mapping, start: number, end: number): string {
  const length = end - start;
  return apply(decode, decoder, [copyOf(mapping, start, end).subarray(0, length)]);
}

/** The bytes, and perhaps more behind them: in `block`, as far as they fit in it. */
function copyOf(mapping: Mapping, start: number, end: number): Uint8Array {
  const length = end - start;
  if (length > MAX_TEXT_LENGTH) {
    throw new RangeError(
      `Cannot ${ACTION} as a text must have at most ${MAX_TEXT_LENGTH} bytes: ` +
        `the line has ${length}, which \`as: "bytes"\` can give`,
    );
  }
  const copy = length > BLOCK_BYTE_LENGTH ? new Uint8Array(length) : block;
  libc().memcpy(copy, mapping.address + BigInt(start), BigInt(length));
  return copy;
}

/** The next whole lines as one text; undefined at the end. */
function textAfter(rest: Rest): string | undefined {
  const { mapping, start, end } = rest;
  if (start >= end) return undefined;
  const length = Math.min(BLOCK_BYTE_LENGTH, end - start);
  copyOf(mapping, start, start + length);
  let cut = block.lastIndexOf(LINE_FEED, length - 1) + 1;
  if (start + length === end) cut = length;
  rest.start = cut === 0 ? rest.firstCut(start + length) : start + cut;
  if (cut === 0) return textOf(mapping, start, rest.start);
  return apply(decode, decoder, [block.subarray(0, cut)]);
}

/** The whole lines before as one text; undefined at the beginning. */
function textBefore(rest: Rest): string | undefined {
  const { mapping, start, end } = rest;
  if (start >= end) return undefined;
  const from = Math.max(start, end - BLOCK_BYTE_LENGTH);
  copyOf(mapping, from, end);
  const length = end - from;
  let cut = from === start ? 0 : block.indexOf(LINE_FEED) + 1;
  if (from > start && (cut === 0 || cut === length)) {
    cut = 0;
    rest.end = rest.lastCut(end - 1);
    return textOf(mapping, rest.end, end);
  }
  rest.end = from + cut;
  return apply(decode, decoder, [block.subarray(cut, length)]);
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

  constructor(rest: Rest) {
    super();
    this.#rest = rest;
  }

  override next(): IteratorResult<string, undefined> {
    this.#rest.mapping; // closed or not
    if (this.#at >= this.#text.length && !this.#advance()) return DONE;
    const text = this.#text;
    const start = this.#at;
    const end = text.indexOf("\n", start);
    this.#at = end === -1 ? text.length : end + 1;
    return {
      done: false,
      value: end === -1 ? text.slice(start) : text.slice(start, textEnd(text, start, end)),
    };
  }

  #advance(): boolean {
    const text = textAfter(this.#rest);
    this.#text = text ?? "";
    this.#at = 0;
    return text !== undefined;
  }
}

class TextBackwards extends Iterator<string, undefined, unknown> {
  readonly #rest: Rest;
  /** What is left of the lines of a text: `split` is quicker than looking for newlines backwards. */
  #lines: string[] = [];
  /** Whether a newline ends the last one of them. */
  #ended = false;

  constructor(rest: Rest) {
    super();
    this.#rest = rest;
  }

  override next(): IteratorResult<string, undefined> {
    this.#rest.mapping; // closed or not
    if (this.#lines.length === 0 && !this.#advance()) return DONE;
    const line = this.#lines.pop()!;
    const value = this.#ended ? line.slice(0, textEnd(line, 0, line.length)) : line;
    this.#ended = true;
    return { done: false, value };
  }

  #advance(): boolean {
    const text = textBefore(this.#rest);
    if (text === undefined) return false;
    this.#lines = text.split("\n");
    this.#ended = text.endsWith("\n");
    if (this.#ended) this.#lines.pop();
    return true;
  }
}

/** A view of a line that a newline ends or not, without that newline. */
function lineView(mapping: Mapping, start: number, end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(mapping.buffer, start, end - start);
  const last = bytes.length - 1;
  if (bytes[last] !== LINE_FEED) return bytes;
  return bytes.subarray(0, bytes[last - 1] === CARRIAGE_RETURN ? last - 1 : last);
}

class BytesForwards extends Iterator<Uint8Array<ArrayBuffer>, undefined, unknown> {
  readonly #rest: Rest;

  constructor(rest: Rest) {
    super();
    this.#rest = rest;
  }

  override next(): IteratorResult<Uint8Array<ArrayBuffer>, undefined> {
    const rest = this.#rest;
    const { mapping, start } = rest;
    if (start >= rest.end) return DONE;
    const cut = rest.firstCut(start);
    rest.start = cut;
    return { done: false, value: lineView(mapping, start, cut) };
  }
}

class BytesBackwards extends Iterator<Uint8Array<ArrayBuffer>, undefined, unknown> {
  readonly #rest: Rest;

  constructor(rest: Rest) {
    super();
    this.#rest = rest;
  }

  override next(): IteratorResult<Uint8Array<ArrayBuffer>, undefined> {
    const rest = this.#rest;
    const { mapping, end } = rest;
    if (rest.start >= end) return DONE;
    const cut = rest.lastCut(end - 1);
    rest.end = cut;
    return { done: false, value: lineView(mapping, cut, end) };
  }
}
