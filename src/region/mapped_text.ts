/** The part of a region that is about what its bytes say: search, comparison, lines, streams. */

import { lengthOf, plainBytes } from "../../ffi/memory.ts";
import { loadNeedle, type Needle } from "../mapping/needle.ts";
import { type ByteRange, optionalNumber, readRange, wholeNumber } from "../mapping/pages.ts";
import { compareSpan, countIn, firstIn, lastIn } from "../mapping/search.ts";
import { type LineIterator, linesOf, type LinesOptions } from "./lines.ts";
import { coreOf, MappedBytes } from "./mapped_bytes.ts";
import { readableOf, type ReadableOptions } from "./readable.ts";
import { splitOf } from "./split.ts";

const SEARCH = "search region";
const COMPARE = "compare region";

/**
 * Mapped bytes as text: search, comparison, lines, streams. {@linkcode MmapRegion} is the class to
 * use; this one only holds the members that are about content.
 *
 * Nothing here copies the region or has a limit of 2 or 4 GiB. Searches read what is there: where
 * another process writes meanwhile, they may see some of it; where a file became shorter, the guard
 * gives zeros, and {@linkcode MmapRegion.check} tells.
 */
export abstract class MappedText extends MappedBytes {
  /**
   * The first place of a byte, bytes or text, by libc's `memchr`, `wmemchr` and `memmem`: as fast as
   * memory can be read if the needle has a byte or, from 7 bytes on, sequences of 4 bytes that are
   * rare in the region; linear in any case.
   *
   * @example
   * ```ts
   * import { MmapRegion } from "@mmap/mmap";
   * import { assertEquals } from "@std/assert";
   *
   * using region = MmapRegion.anonymous(4096);
   * region.bytes.set(new TextEncoder().encode("one ∑ two ∑"));
   * assertEquals(region.indexOf("∑"), 4);
   * assertEquals(region.indexOf("∑", 5), 12);
   * ```
   *
   * @param needle a byte as a number, bytes, or text, which is taken as UTF-8 (a lone surrogate as
   * U+FFFD); an empty one is found at `from`
   * @param from where to begin, default 0; a negative one counts from the end
   * @returns where it begins, counted from the beginning of the region; -1 if it is not there
   * @throws {TypeError} If an argument is of another type.
   * @throws {RangeError} If a number is no byte, or `from` no whole number.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  indexOf(needle: Needle, from?: number): number {
    const core = coreOf(this);
    const given = searchStart(from);
    const loaded = loadNeedle(needle);
    const mapping = core.live(SEARCH);
    const { byteLength, lead } = core;
    const start = given === 0 ? 0 : fromEnd(given ?? 0, byteLength);
    const span = { byteOffset: lead + start, byteLength: byteLength - start };
    const found = firstIn(mapping, span, loaded);
    return found === -1 ? -1 : start + found;
  }

  /**
   * The last place of a byte, bytes or text that begins at `from` or before.
   *
   * @param needle as in {@linkcode indexOf}
   * @param from where the last place may begin, by default anywhere; a negative one counts from the
   * end
   * @returns where it begins, counted from the beginning of the region; -1 if it is not there
   * @throws as {@linkcode indexOf}
   */
  lastIndexOf(needle: Needle, from?: number): number {
    const core = coreOf(this);
    const given = searchStart(from);
    const loaded = loadNeedle(needle);
    const mapping = core.live(SEARCH);
    const { byteLength, lead } = core;
    if (given !== undefined && given < -byteLength) return -1;
    const last = given === undefined ? byteLength : fromEnd(given, byteLength);
    if (loaded.byteLength === 0) return last;
    const length = Math.min(last + loaded.byteLength, byteLength);
    return lastIn(mapping, { byteOffset: lead, byteLength: length }, loaded);
  }

  /**
   * How many times a byte, bytes or text stands in the region. Matches do not overlap: the search
   * goes on behind each of them, so that "aaaaa" holds "aa" twice. An empty needle stands before
   * each byte and at the end.
   *
   * @example
   * ```ts
   * import { MmapRegion } from "@mmap/mmap";
   * import { assertEquals } from "@std/assert";
   *
   * using region = MmapRegion.anonymous(4096);
   * region.bytes.set(new TextEncoder().encode("GET /\nGET /a\nPUT /a\n"));
   * assertEquals(region.count("\n"), 3);
   * assertEquals(region.count("GET", { byteOffset: 1 }), 1);
   * ```
   *
   * @param needle as in {@linkcode indexOf}
   * @param range what is searched, by default the whole region; no match reaches beyond it
   * @throws {TypeError} If an argument is of another type.
   * @throws {RangeError} If a number is no byte, or the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  count(needle: Needle, range?: ByteRange): number {
    const core = coreOf(this);
    const given = readRange(range, SEARCH);
    const loaded = loadNeedle(needle);
    const mapping = core.live(SEARCH);
    return countIn(mapping, core.span(given, SEARCH), loaded);
  }

  /**
   * Whether the region holds the same bytes as `other`, from `byteOffset` on (`memcmp`).
   *
   * @param other how much to compare, and with what
   * @param byteOffset where in the region to begin, default 0
   * @returns false also if the region ends before `other` does
   * @throws {TypeError} If `other` is no Uint8Array.
   * @throws {RangeError} If `byteOffset` is no whole number of at least 0.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  equals(other: Uint8Array, byteOffset?: number): boolean {
    const { start, bytes, byteLength } = this.#comparison(other, byteOffset);
    if (start + byteLength > this.byteLength) return false;
    return this.#compare(bytes, start, byteLength) === 0;
  }

  /**
   * The order of the region's bytes and those of `other`, as many as that has, from `byteOffset` on
   * (`memcmp`): the first byte that differs decides, and where the region ends before `other` does,
   * what is there comes first.
   *
   * @param other how much to compare, and with what
   * @param byteOffset where in the region to begin, default 0
   * @returns -1 if the region's bytes come first, 1 if those of `other` do, 0 if they are the same,
   * which is when {@linkcode equals} is true
   * @throws as {@linkcode equals}
   */
  compare(other: Uint8Array, byteOffset?: number): -1 | 0 | 1 {
    const { start, bytes, byteLength } = this.#comparison(other, byteOffset);
    const length = Math.max(0, Math.min(byteLength, this.byteLength - start));
    const order = this.#compare(bytes, start, length);
    if (order !== 0) return order < 0 ? -1 : 1;
    return length < byteLength ? -1 : 0;
  }

  #comparison(
    other: Uint8Array,
    byteOffset: number | undefined,
  ): { start: number; bytes: Uint8Array; byteLength: number } {
    const start = optionalNumber(byteOffset, "byteOffset", COMPARE) ?? 0;
    const bytes = plainBytes(other, "other", COMPARE);
    coreOf(this).live(COMPARE);
    return { start, bytes, byteLength: lengthOf(bytes) };
  }

  #compare(bytes: Uint8Array, start: number, byteLength: number): number {
    const core = coreOf(this);
    return compareSpan(core.live(COMPARE), { byteOffset: core.lead + start, byteLength }, bytes);
  }

  /**
   * The lines of a text, one after the other. They end at \n or \r\n, which they do not contain, and
   * after the last one there is no empty one. At most 16 KiB are decoded ahead, or the one line that
   * is longer: what is written there meanwhile may go unnoticed.
   *
   * Text is UTF-8; what is none gives U+FFFD, as `TextDecoder` does, and a byte order mark stays
   * where it is, as U+FEFF.
   *
   * @example
   * ```ts
   * import { MmapRegion } from "@mmap/mmap";
   * import { assertEquals } from "@std/assert";
   *
   * using region = MmapRegion.anonymous(15);
   * region.bytes.set(new TextEncoder().encode("one\r\ntwo\nthree\n"));
   * assertEquals([...region.lines()], ["one", "two", "three"]);
   * assertEquals(region.lines({ reverse: true }).next().value, "three");
   * ```
   *
   * @param options by default the whole region, forwards; with `as: "bytes"` each line is a view of
   * the region, nothing is copied or read ahead, and every byte stays as it is
   * @throws {TypeError} If an option is of another type.
   * @throws {RangeError} If the range lies outside of the region; while iterating, if one line is
   * longer than a string can be (half a GiB).
   * @throws {Deno.errors.BadResource} If the region is closed, also in the middle.
   */
  lines(options: LinesOptions & { as: "bytes" }): LineIterator<Uint8Array<ArrayBuffer>>;
  /** As text. */
  lines(options?: LinesOptions & { as?: "text" }): LineIterator<string>;
  /** As one or the other. */
  lines(options?: LinesOptions): LineIterator<string> | LineIterator<Uint8Array<ArrayBuffer>>;
  lines(
    options?: LinesOptions,
  ): LineIterator<string> | LineIterator<Uint8Array<ArrayBuffer>> {
    return linesOf(coreOf(this), options);
  }

  /**
   * The bytes as a stream of copies.
   *
   * @param options by default the whole region, in chunks of 64 KiB
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed; the stream fails so if it is closed in
   * the middle.
   */
  readable(options?: ReadableOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
    return readableOf(coreOf(this), options);
  }

  /**
   * Cuts the region into parts of about the same length, each of which ends behind a boundary: for
   * Workers that each open the same region and work on one range of it.
   *
   * @example
   * ```ts
   * import { MmapRegion } from "@mmap/mmap";
   * import { assertEquals } from "@std/assert";
   *
   * using region = MmapRegion.anonymous(12);
   * region.bytes.set(new TextEncoder().encode("one\ntwo\nsix\n"));
   * const parts = region.split(2);
   * assertEquals(parts, [{ byteOffset: 0, byteLength: 8 }, { byteOffset: 8, byteLength: 4 }]);
   * assertEquals(parts.map((part) => region.count("\n", part)), [2, 1]);
   * ```
   *
   * @param parts how many at most: fewer if there are too few boundaries
   * @param boundary what each part but the last one ends with, default "\n"; an empty one is anywhere
   * @returns ranges that follow each other without a gap, from the region's beginning to its end
   * @throws {TypeError} If an argument is of another type.
   * @throws {RangeError} If `parts` is no whole number of at least 1.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  split(parts: number, boundary: Needle = "\n"): Required<ByteRange>[] {
    return splitOf(coreOf(this), parts, boundary);
  }
}

/** A whole number, of either sign. */
function searchStart(from: unknown): number | undefined {
  if (from === undefined) return undefined;
  if (typeof from === "number" && from < 0) return -wholeNumber(-from, "from", SEARCH);
  return wholeNumber(from, "from", SEARCH);
}

/** A place in [0, byteLength]; a negative one counts from the end. */
function fromEnd(from: number, byteLength: number): number {
  return from < 0 ? Math.max(0, byteLength + from) : Math.min(from, byteLength);
}
