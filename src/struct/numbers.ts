/** Places of elements, as callers give them. */

/**
 * A place among `length` elements; negative indices count from the end.
 *
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If there is no such place.
 */
export function place(index: number, length: number): number {
  if (typeof index !== "number") {
    throw new TypeError(
      `Cannot take element as the index must be a number: received ${typeof index}`,
    );
  }
  const position = index < 0 ? index + length : index;
  if (Number.isInteger(position) && position >= 0 && position < length) return position;
  throw new RangeError(
    `Cannot take element as the index must lie within ${length} elements: received ${index}`,
  );
}

/** The index that a property's name means, as in arrays; undefined for other names. */
export function indexOfKey(key: string | symbol): number | undefined {
  if (typeof key !== "string") return undefined;
  const index = Number(key);
  return Number.isSafeInteger(index) && index >= 0 && String(index) === key ? index : undefined;
}
