/** A region's bytes: views of a part, copies that never fault, and a stream of copies. */

import {
  addressOf,
  headOf,
  plainBytes,
  pointerAt,
  untouchedLengthOf,
  withAddressOf,
} from "../../ffi/memory.ts";
import type { Names } from "../check/options.ts";
import { optionalNumber, wholeNumber } from "../check/numbers.ts";
import { type ByteRange, RANGE, readRange } from "../check/range.ts";
import type { Span } from "../mapping/pages.ts";
import {
  dataViewOf,
  readViewRequest,
  type TypedArrayConstructor,
  viewOf,
} from "../mapping/views.ts";
import { system } from "../os/mod.ts";
import type { RegionBacking } from "./backing.ts";

const VIEW = "view region";
const READ = "read region";
const WRITE = "write region";

/** `MmapRegion.view` */
export function typedView<T>(
  backing: RegionBacking,
  type: TypedArrayConstructor<T>,
  byteOffset?: number,
  length?: number,
): T {
  return viewOf(type, readViewRequest(type, byteOffset, length), backing.window(VIEW));
}

/** `MmapRegion.dataView` */
export function dataView(
  backing: RegionBacking,
  byteOffset?: number,
  byteLength?: number,
): DataView<ArrayBuffer> {
  const offset = optionalNumber(byteOffset, "byteOffset", VIEW) ?? 0;
  const length = optionalNumber(byteLength, "byteLength", VIEW);
  return dataViewOf(offset, length, backing.window(VIEW));
}

/** `MmapRegion.tryRead` */
export function tryRead(backing: RegionBacking, target: Uint8Array, byteOffset: number): number {
  const at = wholeNumber(byteOffset, "byteOffset", READ);
  return copy(backing, copyFromMapped, plainBytes(target, "target", READ), at, READ);
}

/** `MmapRegion.tryWrite` */
export function tryWrite(backing: RegionBacking, source: Uint8Array, byteOffset: number): number {
  const at = wholeNumber(byteOffset, "byteOffset", WRITE);
  return copy(backing, copyToMapped, plainBytes(source, "source", WRITE), at, WRITE);
}

function copy(
  backing: RegionBacking,
  copyPages: typeof copyFromMapped,
  bytes: Uint8Array,
  at: number,
  action: string,
): number {
  const mapping = backing.live(action);
  const room = backing.byteLength - at;
  if (room < 0) {
    throw new RangeError(
      `Cannot ${action} as byteOffset must lie within ${backing.byteLength} bytes: received ${at}`,
    );
  }
  return copyPages(pointerAt(mapping.pointer, backing.pageOffset + at), headOf(bytes, room));
}

/** The present end of an earlier span: the region may have become shorter meanwhile. */
function endNow(backing: RegionBacking, { byteOffset, byteLength }: Span): number {
  return Math.min(byteOffset + byteLength, backing.pageOffset + backing.byteLength);
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
 * `MmapRegion.readable`: a stream of copies, since the reader of a stream may transfer its chunks.
 */
export function readable(
  backing: RegionBacking,
  options: ReadableOptions | undefined,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const given = readRange(options, READ, READABLE);
  const chunk = optionalNumber(options?.chunkByteLength, "chunkByteLength", READ, 1) ??
    DEFAULT_CHUNK;
  backing.live(READ);
  const span = backing.span(given, READ);
  let at = span.byteOffset;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller): void {
      const { ownBuffer } = backing.live(READ);
      const end = endNow(backing, span);
      if (at < end) {
        const length = Math.min(chunk, end - at);
        controller.enqueue(new Uint8Array(ownBuffer, at, length).slice());
        at += length;
      }
      if (at >= end) controller.close();
    },
  }, { highWaterMark: 0 });
}

/** Copies mapped bytes into `target`. @returns how many, up to the first missing page */
function copyFromMapped(mapped: Deno.PointerObject, target: Uint8Array): number {
  const { memory } = system();
  const byteLength = untouchedLengthOf(target);
  return withAddressOf(target, (to) => memory.copy("out", to, addressOf(mapped), byteLength));
}

/** Copies `source` into a mapping. @returns how many bytes, up to the first missing page */
function copyToMapped(mapped: Deno.PointerObject, source: Uint8Array): number {
  const { memory } = system();
  const byteLength = untouchedLengthOf(source);
  return withAddressOf(source, (from) => memory.copy("into", from, addressOf(mapped), byteLength));
}
