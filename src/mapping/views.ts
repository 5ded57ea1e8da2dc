/** Typed arrays over a mapping's buffer. */

import { optionalNumber } from "../check/numbers.ts";

/** The constructor of a typed array: `Uint8Array`, `Float64Array`, `BigInt64Array`, ... */
export interface TypedArrayConstructor<T> {
  /** The size of one element, in bytes. */
  readonly BYTES_PER_ELEMENT: number;
  /** Makes a view of `length` elements. */
  new (buffer: ArrayBuffer, byteOffset: number, length: number): T;
}

/** The position of a region in its buffer, which begins at a page boundary. */
export interface Window {
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** The arguments of a view, checked as far as possible without the window. */
interface ViewRequest {
  readonly elementSize: number;
  readonly byteOffset: number;
  readonly length: number | undefined;
}

/** @throws {TypeError} If `type` is not a typed array's constructor. */
export function readViewRequest<T>(
  type: TypedArrayConstructor<T>,
  byteOffset: number | undefined,
  length: number | undefined,
): ViewRequest {
  const elementSize = typeof type === "function" ? type.BYTES_PER_ELEMENT : undefined;
  if (elementSize !== 1 && elementSize !== 2 && elementSize !== 4 && elementSize !== 8) {
    throw new TypeError("Cannot view region as the type must be a typed array's constructor");
  }
  return {
    elementSize,
    byteOffset: optionalNumber(byteOffset, "byteOffset", "view region") ?? 0,
    length: optionalNumber(length, "length", "view region"),
  };
}

/** @throws {RangeError} If the view is misaligned or reaches beyond the window. */
export function viewOf<T>(
  type: TypedArrayConstructor<T>,
  { elementSize, byteOffset, length }: ViewRequest,
  window: Window,
): T {
  const start = window.byteOffset + byteOffset;
  if (start % elementSize !== 0) {
    throw new RangeError(
      `Cannot view region as its start must be a multiple of ${elementSize}: ` +
        `received byteOffset ${byteOffset}` +
        (window.byteOffset === 0 ? "" : `, ${start} bytes after the page boundary`) +
        `; dataView() reads from any byte, and slice() makes an aligned copy`,
    );
  }
  const room = window.byteLength - byteOffset;
  const elements = length ?? Math.floor(room / elementSize);
  checkRoom(byteOffset, elements * elementSize, room, window.byteLength);
  return new type(window.buffer, start, elements);
}

/** @throws {RangeError} If the view reaches beyond the window. */
export function dataViewOf(
  byteOffset: number,
  byteLength: number | undefined,
  window: Window,
): DataView<ArrayBuffer> {
  const room = window.byteLength - byteOffset;
  const wanted = byteLength ?? room;
  checkRoom(byteOffset, wanted, room, window.byteLength);
  return new DataView(window.buffer, window.byteOffset + byteOffset, wanted);
}

function checkRoom(byteOffset: number, wanted: number, room: number, available: number): void {
  if (wanted >= 0 && wanted <= room) return;
  throw new RangeError(
    `Cannot view region as the view must lie within ${available} bytes: ` +
      `received byteOffset ${byteOffset}, ${wanted} bytes`,
  );
}
