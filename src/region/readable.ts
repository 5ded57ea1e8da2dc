/** Reading a region piece by piece, as a stream. */

import { type ByteRange, optionalNumber, readRange, type Span } from "../mapping/pages.ts";
import type { RegionCore } from "./core.ts";

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
      const { ownBuffer } = core.live("read region");
      const end = endNow(core, span);
      if (at < end) {
        const length = Math.min(chunk, end - at);
        controller.enqueue(new Uint8Array(ownBuffer, at, length).slice());
        at += length;
      }
      if (at >= end) controller.close();
    },
  }, { highWaterMark: 0 });
}
