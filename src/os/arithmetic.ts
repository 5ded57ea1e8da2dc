/** Address and page arithmetic: pure functions. */

/** A part of a mapping or of a region, in bytes from its beginning. */
export interface Span {
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** The size of a huge page, in bytes, with pages of 4 KiB. */
export const HUGE_PAGE = 2 ** 21;

/** The largest multiple of `unit` that is not above `value`. */
export function alignDown(value: number, unit: number): number {
  return value - value % unit;
}

/** The smallest multiple of `unit` that is not below `value`. */
export function alignUp(value: number, unit: number): number {
  return alignDown(value + unit - 1, unit);
}

/** The larger of two addresses. */
export function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** The smaller of two addresses. */
export function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
