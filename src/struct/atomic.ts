/** Atomic access to one integer of a record. */

import type { Layout } from "./field_type.ts";
import { Scalar } from "./scalar.ts";

/**
 * An integer that several threads and processes change at once. Every method is one atomic step,
 * and wraps as typed arrays do.
 */
export interface AtomicField<Value extends number | bigint> {
  /** The present value. */
  load(): Value;
  /** Sets it. @returns `value` */
  store(value: Value): Value;
  /** Adds. @returns the old value */
  add(value: Value): Value;
  /** Subtracts. @returns the old value */
  sub(value: Value): Value;
  /** Keeps only the bits that are set in `value`. @returns the old value */
  and(value: Value): Value;
  /** Sets the bits of `value`. @returns the old value */
  or(value: Value): Value;
  /** Inverts the bits that are set in `value`. @returns the old value */
  xor(value: Value): Value;
  /** Sets it. @returns the old value */
  exchange(value: Value): Value;
  /** Sets it if it is `expected`. @returns the old value: `expected` if it was set */
  compareExchange(expected: Value, replacement: Value): Value;
}

const ARRAYS = {
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  usize: BigUint64Array,
  isize: BigInt64Array,
} as const satisfies Record<AtomicName, unknown>;

/** The names of the scalars that have atomic access. */
export type AtomicName = "i32" | "u32" | "i64" | "u64" | "usize" | "isize";

/** The methods are the same for both widths; Atomics goes by the type of the array. */
class AtomicWord implements AtomicField<number> {
  readonly #words: Int32Array;

  constructor(words: Int32Array) {
    this.#words = words;
  }

  load(): number {
    return Atomics.load(this.#words, 0);
  }

  store(value: number): number {
    return Atomics.store(this.#words, 0, value);
  }

  add(value: number): number {
    return Atomics.add(this.#words, 0, value);
  }

  sub(value: number): number {
    return Atomics.sub(this.#words, 0, value);
  }

  and(value: number): number {
    return Atomics.and(this.#words, 0, value);
  }

  or(value: number): number {
    return Atomics.or(this.#words, 0, value);
  }

  xor(value: number): number {
    return Atomics.xor(this.#words, 0, value);
  }

  exchange(value: number): number {
    return Atomics.exchange(this.#words, 0, value);
  }

  compareExchange(expected: number, replacement: number): number {
    return Atomics.compareExchange(this.#words, 0, expected, replacement);
  }
}

/**
 * @throws {TypeError} If the field is not an integer of 32 or 64 bits in the machine's byte order,
 * or the memory is gone.
 * @throws {RangeError} If it is misaligned.
 */
export function atomicOf(
  type: Layout | undefined,
  view: DataView,
  byteOffset: number,
): AtomicField<number> {
  const name = type instanceof Scalar && !type.isBigEndian ? type.name : undefined;
  const array = name !== undefined && Object.hasOwn(ARRAYS, name)
    ? ARRAYS[name as AtomicName]
    : undefined;
  if (array === undefined) {
    throw new TypeError(
      "Cannot access field atomically as it must be an integer of 32 or 64 bits " +
        "in the machine's byte order",
    );
  }
  const start = view.byteOffset + byteOffset;
  if (start % array.BYTES_PER_ELEMENT === 0) {
    return new AtomicWord(new array(view.buffer as ArrayBuffer, start, 1) as Int32Array);
  }
  throw new RangeError(
    `Cannot access field atomically as its address must be a multiple of ` +
      `${array.BYTES_PER_ELEMENT}: received ${start}`,
  );
}
