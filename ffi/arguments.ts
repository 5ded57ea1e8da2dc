/** Type checks for the raw calls, and text for C. Values are left to C. */

/** A size, an offset or an address: exact as a number up to 2^53, beyond that as a bigint. */
export type Size = number | bigint;

const encoder = new TextEncoder();

/** A whole number. @throws {TypeError} If it is anything else. */
export function int(value: number, name: string, call: string): number {
  if (Number.isInteger(value)) return value;
  throw wrongType(value, name, call, "a whole number");
}

/** A whole number or a bigint. @throws {TypeError} If it is neither. */
export function size(value: Size, name: string, call: string): Size {
  if (typeof value === "bigint" || Number.isSafeInteger(value)) return value;
  throw wrongType(value, name, call, "a safe integer or a bigint");
}

/** A pointer or null. @throws {TypeError} If it is neither. */
export function pointer(
  value: Deno.PointerValue,
  name: string,
  call: string,
): Deno.PointerValue {
  if (value === null) return value;
  try {
    Deno.UnsafePointer.value(value);
    return value;
  } catch {
    throw wrongType(value, name, call, "a pointer or null");
  }
}

/**
 * A string as C takes it: UTF-8 with a NUL at the end.
 *
 * @throws {TypeError} If it is not a string or contains a NUL.
 */
export function cString(value: string, name: string, call: string): Uint8Array<ArrayBuffer> {
  if (typeof value !== "string") throw wrongType(value, name, call, "a string");
  if (value.includes("\0")) {
    throw new TypeError(`Cannot call ${call} as ${name} contains a NUL: received "${value}"`);
  }
  return encoder.encode(value + "\0");
}

/** The error for an argument of another type than the one that is wanted. */
export function wrongType(value: unknown, name: string, call: string, wanted: string): TypeError {
  const received = typeof value === "number" ? String(value) : typeof value;
  return new TypeError(`Cannot call ${call} as ${name} must be ${wanted}: received ${received}`);
}
