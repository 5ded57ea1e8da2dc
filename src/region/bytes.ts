/** A region's bytes: views of a part, copies that never fault, copies as a stream. */

import { headOf, plainBytes, pointerAt } from "../../ffi/memory.ts";
import type { Names } from "../check/options.ts";
import { copyFromMapped, copyToMapped } from "../mapping/copy.ts";
import { optionalNumber, wholeNumber } from "../check/numbers.ts";
import { type ByteRange, RANGE, readRange } from "../check/range.ts";
import type { Span } from "../mapping/pages.ts";
import {
  dataViewOf,
  readViewRequest,
  type TypedArrayConstructor,
  viewOf,
} from "../mapping/views.ts";
import type { RegionCore } from "./core.ts";

const VIEW = "view region";
const READ = "read region";
const WRITE = "write region";

/** `MmapRegion.view` */
export function typedView<T>(
  core: RegionCore,
  type: TypedArrayConstructor<T>,
  byteOffset?: number,
  length?: number,
): T {
  return viewOf(type, readViewRequest(type, byteOffset, length), core.window(VIEW));
}

/** `MmapRegion.dataView` */
export function dataView(
  core: RegionCore,
  byteOffset?: number,
  byteLength?: number,
): DataView<ArrayBuffer> {
  const offset = optionalNumber(byteOffset, "byteOffset", VIEW) ?? 0;
  const length = optionalNumber(byteLength, "byteLength", VIEW);
  return dataViewOf(offset, length, core.window(VIEW));
}

/** `MmapRegion.tryRead` */
export function tryRead(core: RegionCore, target: Uint8Array, byteOffset: number): number {
  const at = wholeNumber(byteOffset, "byteOffset", READ);
  return copy(core, copyFromMapped, plainBytes(target, "target", READ), at, READ);
}

/** `MmapRegion.tryWrite` */
export function tryWrite(core: RegionCore, source: Uint8Array, byteOffset: number): number {
  const at = wholeNumber(byteOffset, "byteOffset", WRITE);
  return copy(core, copyToMapped, plainBytes(source, "source", WRITE), at, WRITE);
}

function copy(
  core: RegionCore,
  copyPages: typeof copyFromMapped,
  bytes: Uint8Array,
  at: number,
  action: string,
): number {
  const mapping = core.live(action);
  const room = core.byteLength - at;
  if (room < 0) {
    throw new RangeError(
      `Cannot ${action} as byteOffset must lie within ${core.byteLength} bytes: received ${at}`,
    );
  }
  return copyPages(pointerAt(mapping.pointer, core.lead + at), headOf(bytes, room));
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

const READABLE: Names<ReadableOptions> = { ...RANGE, chunkByteLength: true };

const DEFAULT_CHUNK = 65_536;

/**
 * `MmapRegion.readable`: a stream of copies, as who reads a stream may transfer its chunks away.
 */
export function readable(
  core: RegionCore,
  options: ReadableOptions | undefined,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const given = readRange(options, READ, READABLE);
  const chunk = optionalNumber(options?.chunkByteLength, "chunkByteLength", READ, 1) ??
    DEFAULT_CHUNK;
  core.live(READ);
  const span = core.span(given, READ);
  let at = span.byteOffset;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller): void {
      const { ownBuffer } = core.live(READ);
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
