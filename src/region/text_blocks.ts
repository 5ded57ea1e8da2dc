/** The rest of a text that is read line by line, and its decoded blocks. */

import { system } from "../os/mod.ts";
import type { Mapping } from "../mapping/mapping.ts";
import { loadNeedle } from "../mapping/search/needle.ts";
import type { Span } from "../mapping/pages.ts";
import { firstIn, lastIn } from "../mapping/search/search.ts";
import type { RegionBacking } from "./backing.ts";

/** What fails, for messages. */
export const ACTION = "read lines";
/** The byte that ends a line. */
export const LINE_FEED = 10;

/**
 * How much text is decoded at once. Calls for each line would take longer than the decoding; and
 * V8 keeps the whole of it as long as a program keeps one of its lines.
 */
const BLOCK_BYTE_LENGTH = 16_384;

/** The longest string in V8: `MAX_STRING_LENGTH` of `node:buffer`. */
const MAX_TEXT_LENGTH = 2 ** 29 - 24;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
// Captured at load: a program cannot replace later what decides how bytes are read.
const { decode } = TextDecoder.prototype;
const { indexOf, lastIndexOf, subarray } = Uint8Array.prototype;
const apply = Reflect.apply;

const block = new Uint8Array(BLOCK_BYTE_LENGTH);

/** The part of a range that was not read yet. */
export class Rest {
  readonly #backing: RegionBacking;
  start: number;
  #end: number;

  constructor(backing: RegionBacking, { byteOffset, byteLength }: Span) {
    this.#backing = backing;
    this.start = byteOffset;
    this.#end = byteOffset + byteLength;
  }

  /** @throws {Deno.errors.BadResource} If the region is closed. */
  get mapping(): Mapping {
    return this.#backing.live(ACTION);
  }

  /**
   * The region's length. If it has changed, text that was read ahead may be gone.
   *
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  get byteLength(): number {
    this.#backing.live(ACTION);
    return this.#backing.byteLength;
  }

  /** The present end: the region may have become shorter meanwhile. */
  get end(): number {
    const { pageOffset, byteLength } = this.#backing;
    return this.#end < pageOffset + byteLength ? this.#end : pageOffset + byteLength;
  }

  set end(value: number) {
    this.#end = value;
  }

  /** The position after the first newline at or after `from`; the end, if there is none. */
  firstCut(from: number): number {
    const { mapping, end } = this;
    const found = firstIn(mapping, span(from, end), loadNeedle(LINE_FEED));
    return found === -1 ? end : from + found + 1;
  }

  /** The position after so many lines from `from` on; the end, if there are fewer. */
  skip(from: number, lines: number): number {
    let at = from;
    for (let i = 0; i < lines && at < this.end; i++) at = this.firstCut(at);
    return at < this.end ? at : this.end;
  }

  /** The position after the last newline before `to`; the start, if there is none. */
  lastCut(to: number): number {
    const { mapping, start } = this;
    return start + lastIn(mapping, span(start, to), loadNeedle(LINE_FEED)) + 1;
  }
}

function span(start: number, end: number): Span {
  return { byteOffset: start, byteLength: Math.max(0, end - start) };
}

/**
 * The text of a part of the mapping. It is copied first: what another process writes meanwhile must
 * not confuse the decoder, which reads its input twice.
 */
function textOf(mapping: Mapping, start: number, end: number): string {
  const length = end - start;
  return decoded(copyOf(mapping, start, end), 0, length);
}

function decoded(bytes: Uint8Array, start: number, end: number): string {
  return apply(decode, decoder, [apply(subarray, bytes, [start, end])]);
}

/** The bytes, and perhaps more after them: in `block` if they fit. */
function copyOf(mapping: Mapping, start: number, end: number): Uint8Array {
  const length = end - start;
  if (length > MAX_TEXT_LENGTH) {
    throw new RangeError(
      `Cannot ${ACTION} as a text must have at most ${MAX_TEXT_LENGTH} bytes: ` +
        `the line has ${length}; use \`as: "bytes"\` for it`,
    );
  }
  const copy = length > BLOCK_BYTE_LENGTH ? new Uint8Array(length) : block;
  system().bytes.copy(copy, mapping.address + BigInt(start), BigInt(length));
  return copy;
}

/** The next whole lines as one text; undefined at the end. */
export function textAfter(rest: Rest): string | undefined {
  const { mapping, start, end } = rest;
  if (start >= end) return undefined;
  const length = Math.min(BLOCK_BYTE_LENGTH, end - start);
  copyOf(mapping, start, start + length);
  let cut = apply(lastIndexOf, block, [LINE_FEED, length - 1]) + 1;
  if (start + length === end) cut = length;
  rest.start = cut === 0 ? rest.firstCut(start + length) : start + cut;
  if (cut === 0) return textOf(mapping, start, rest.start);
  return decoded(block, 0, cut);
}

/** The whole lines before as one text; undefined at the beginning. */
export function textBefore(rest: Rest): string | undefined {
  const { mapping, start, end } = rest;
  if (start >= end) return undefined;
  const from = Math.max(start, end - BLOCK_BYTE_LENGTH);
  copyOf(mapping, from, end);
  const length = end - from;
  let cut = from === start ? 0 : apply(indexOf, block, [LINE_FEED]) + 1;
  if (from > start && (cut === 0 || cut === length)) {
    cut = 0;
    rest.end = rest.lastCut(end - 1);
    return textOf(mapping, rest.end, end);
  }
  rest.end = from + cut;
  return decoded(block, cut, length);
}
