/** Ranges of bytes that callers give. */

import { optionalNumber } from "./numbers.ts";
import { checkOptions, type Names } from "./options.ts";

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

/**
 * Reads a range that a caller gave. Reading runs the caller's getters, so it comes before the
 * check that the region is still open.
 *
 * @param names the options that are allowed beside the range
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
export function resolveRange(
  range: ByteRange,
  available: number,
  action: string,
): Readonly<Required<ByteRange>> {
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
