/** Numbers that callers give. */

/**
 * A whole number of at least `least` and at most `most`.
 *
 * @param action what fails, such as "map file", for the message
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is fractional, NaN, infinite, beyond 2^53, or out of these bounds.
 */
export function wholeNumber(
  value: unknown,
  name: string,
  action: string,
  least: number = 0,
  most: number = Infinity,
): number {
  if (typeof value !== "number") {
    throw new TypeError(`Cannot ${action} as ${name} must be a number: received ${typeof value}`);
  }
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(
      `Cannot ${action} as ${name} must be a whole number of at least ${least}: received ${value}`,
    );
  }
  if (value <= most) return value;
  throw new RangeError(`Cannot ${action} as ${name} must be at most ${most}: received ${value}`);
}

/** As {@linkcode wholeNumber}, and `undefined` passes through. */
export function optionalNumber(
  value: unknown,
  name: string,
  action: string,
  least?: number,
  most?: number,
): number | undefined {
  return value === undefined ? undefined : wholeNumber(value, name, action, least, most);
}

/**
 * A time to wait in milliseconds: fractions and Infinity are allowed.
 *
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is negative or NaN.
 */
export function timeout(value: unknown, action: string, fallbackMs: number = Infinity): number {
  if (value === undefined) return fallbackMs;
  if (typeof value === "number" && value > 0) return value;
  return wholeNumber(value, "timeoutMs", action);
}
