/** Checks of numbers that callers give. */

/**
 * A whole number above 0.
 *
 * @throws {TypeError} If it is no number.
 * @throws {RangeError} If it is fractional, too large, or below 1.
 */
export function count(value: unknown, name: string, action: string): number {
  return whole(value, name, action, 1);
}

/**
 * A whole number from `least` on.
 *
 * @throws {TypeError} If it is no number.
 * @throws {RangeError} If it is fractional, too large, or below `least`.
 */
export function whole(value: unknown, name: string, action: string, least = 0): number {
  if (typeof value !== "number") {
    throw new TypeError(`Cannot ${action} as ${name} must be a number: received a ${typeof value}`);
  }
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new RangeError(
    `Cannot ${action} as ${name} must be a whole number from ${least} on: received ${value}`,
  );
}

/**
 * A place among `length`, where negative ones count from the end.
 *
 * @throws {TypeError} If it is no number.
 * @throws {RangeError} If there is no such place.
 */
export function place(index: number, length: number): number {
  if (typeof index !== "number") {
    throw new TypeError(
      `Cannot take element as the index must be a number: received a ${typeof index}`,
    );
  }
  const position = index < 0 ? index + length : index;
  if (Number.isInteger(position) && position >= 0 && position < length) return position;
  throw new RangeError(
    `Cannot take element as the index must lie within ${length} elements: received ${index}`,
  );
}

/** The place that a property's name means, as in arrays; undefined for other names. */
export function indexOfKey(key: string | symbol): number | undefined {
  if (typeof key !== "string") return undefined;
  const index = Number(key);
  return Number.isSafeInteger(index) && index >= 0 && String(index) === key ? index : undefined;
}
