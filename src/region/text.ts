/** Reading a region piece by piece: as lines, and as a stream. */

import { firstIn } from "../mapping/search.ts";
import { type ByteRange, optionalNumber, readRange, type Span } from "../mapping/pages.ts";
import type { RegionCore } from "./core.ts";

const LINE_FEED = Uint8Array.of(10);
const CARRIAGE_RETURN = 13;

/** The lines of a range, one at a time. The region may be closed meanwhile: that ends it by an error. */
export function linesOf(core: RegionCore, range: ByteRange | undefined): Iterable<string> {
  const given = readRange(range, "read lines");
  core.live("read lines");
  return linesIn(core, core.span(given, "read lines"));
}

function* linesIn(core: RegionCore, span: Span): Generator<string, void> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (let at = span.byteOffset; at < span.byteOffset + span.byteLength;) {
    const mapping = core.live("read lines");
    const end = endNow(core, span);
    if (at >= end) return;
    const found = firstIn(mapping, { byteOffset: at, byteLength: end - at }, LINE_FEED);
    const length = found === -1 ? end - at : found;
    const bytes = new Uint8Array(mapping.buffer, at, length);
    const cut = found !== -1 && bytes[length - 1] === CARRIAGE_RETURN ? 1 : 0;
    yield decoder.decode(bytes.subarray(0, length - cut));
    at += length + 1;
  }
}

/** Where a span ends that was taken before: the region may have become shorter meanwhile. */
function endNow(core: RegionCore, { byteOffset, byteLength }: Span): number {
  return Math.min(byteOffset + byteLength, core.lead + core.byteLength);
}

/** Options of `readable`. */
export interface ReadableOptions extends ByteRange {
  /**
   * The size of a chunk, in bytes.
   * @default {65536}
   */
  chunkByteLength?: number;
}

const DEFAULT_CHUNK = 65_536;

/** A range as a stream of copies: who reads a stream may transfer its chunks away. */
export function readableOf(
  core: RegionCore,
  options: ReadableOptions | undefined,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const given = readRange(options, "read region");
  const chunk = optionalNumber(options?.chunkByteLength, "chunkByteLength", "read region", 1) ??
    DEFAULT_CHUNK;
  core.live("read region");
  const span = core.span(given, "read region");
  let at = span.byteOffset;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller): void {
      const { buffer } = core.live("read region");
      const end = endNow(core, span);
      if (at < end) {
        const length = Math.min(chunk, end - at);
        controller.enqueue(new Uint8Array(buffer, at, length).slice());
        at += length;
      }
      if (at >= end) controller.close();
    },
  }, { highWaterMark: 0 });
}
