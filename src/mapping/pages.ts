/** Page arithmetic and the checks of byte ranges: pure functions. */

import { checkOptions, type Names } from "../check/options.ts";
import { alignDown, alignUp, type Span } from "../os/arithmetic.ts";

export { alignDown, alignUp, type Span };

/** A part of a region, in bytes. */
export interface ByteRange {
  /**
   * Where it begins, counted from the beginning of the region.
   * @default {0}
   */
  byteOffset?: number;
  /** How many bytes; by default all that follow `byteOffset`. */
  byteLength?: number;
}

/** The options of a range. */
export const RANGE: Names<ByteRange> = { byteOffset: true, byteLength: true };

/** A span widened to whole pages; `span` counts from a page boundary. */
export function widen(span: Span, pageSize: number): Span {
  const byteOffset = alignDown(span.byteOffset, pageSize);
  const end = alignUp(span.byteOffset + span.byteLength, pageSize);
  return { byteOffset, byteLength: end - byteOffset };
}

/**
 * A whole number of at least `least`.
 *
 * @param action what fails, such as "map file", for the message
 * @throws {TypeError} If it is no number.
 * @throws {RangeError} If it is fractional, NaN, infinite, beyond 2^53 or below `least`.
 */
export function wholeNumber(value: unknown, name: string, action: string, least = 0): number {
  if (typeof value !== "number") {
    throw new TypeError(`Cannot ${action} as ${name} must be a number: received ${typeof value}`);
  }
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(
      `Cannot ${action} as ${name} must be a whole number of at least ${least}: received ${value}`,
    );
  }
  return value;
}

/** As {@linkcode wholeNumber}, and `undefined` passes through. */
export function optionalNumber(
  value: unknown,
  name: string,
  action: string,
  least = 0,
): number | undefined {
  return value === undefined ? undefined : wholeNumber(value, name, action, least);
}

/**
 * Reads a range that a caller gave. Reading runs the caller's getters, so it comes before the
 * check that the region is still open.
 *
 * @param names what there may be beside the range
 */
export function readRange<T extends ByteRange>(
  range: T | undefined,
  action: string,
  names?: Names<T>,
): ByteRange {
  if (range === undefined) return {};
  checkOptions<ByteRange>(range, names ?? RANGE, action, "range");
  const byteOffset = optionalNumber(range.byteOffset, "byteOffset", action) ?? 0;
  const byteLength = optionalNumber(range.byteLength, "byteLength", action, 1);
  return byteLength === undefined ? { byteOffset } : { byteOffset, byteLength };
}

/**
 * Puts a range inside `available` bytes.
 *
 * @throws {RangeError} If it is empty or reaches beyond them.
 */
export function resolveRange(range: ByteRange, available: number, action: string): Span {
  const byteOffset = range.byteOffset ?? 0;
  const byteLength = range.byteLength ?? available - byteOffset;
  if (byteLength <= 0 || byteOffset + byteLength > available) {
    throw new RangeError(
      `Cannot ${action} as the range must lie within ${available} bytes: ` +
        `received byteOffset ${byteOffset}, byteLength ${range.byteLength ?? "to the end"}`,
    );
  }
  return { byteOffset, byteLength };
}
