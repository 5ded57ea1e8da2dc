/** The common interface of all types of fields. */

import { fnv1a } from "./hash.ts";

/**
 * A type that a field can have: a scalar such as `i32`, {@linkcode chars}, {@linkcode array}, or a
 * struct.
 *
 * @typeParam Value what `get()` returns for it: numbers, strings, plain arrays and objects
 * @typeParam Field what the property of a record reads as
 * @typeParam Init what `set()` takes for it
 */
export interface FieldType<Value = unknown, Field = unknown, Init = unknown> {
  /** Its size in bytes: `sizeof`. */
  readonly byteLength: number;
  /** Its offset is a multiple of this, in bytes: `alignof`. */
  readonly alignment: number;
  /**
   * 16 hexadecimal digits that differ if two layouts differ in the name, type, order or offset of a
   * field. Written before the data, they tell whether a reader has the same layout.
   */
  readonly layoutHash: string;
  /** Never present: it only carries the types. */
  readonly phantom?: readonly [value: Value, field: Field, init: Init];
}

/** What `get()` returns for a field of type `T`. */
export type ValueOf<T> = T extends FieldType<infer Value, unknown, unknown> ? Value : never;

/** The property of a record for a field of type `T`. */
export type FieldOf<T> = T extends FieldType<unknown, infer Field, unknown> ? Field : never;

/** What `set()` takes for a field of type `T`. */
export type InitOf<T> = T extends FieldType<unknown, unknown, infer Init> ? Init : never;

/** How a type lies in memory. Offsets count from the beginning of the view. */
export abstract class Layout {
  /** Its size in bytes. */
  abstract readonly byteLength: number;
  /** Its offset is a multiple of this. */
  abstract readonly alignment: number;
  /** The whole of the layout as text, for its hash. */
  abstract readonly description: string;

  /** The hash of the description, for FieldType. */
  get layoutHash(): string {
    return fnv1a(this.description);
  }

  /** Reads the value of a property. */
  abstract read(view: DataView, byteOffset: number): unknown;

  /** A copy that no later write changes. */
  abstract copy(view: DataView, byteOffset: number): unknown;

  /**
   * Checks a value and converts it for {@linkcode write}. Nothing is written before all of a
   * record's values are prepared, so that a wrong one leaves the record unchanged.
   */
  abstract prepare(value: unknown): unknown;

  /** Writes a value that {@linkcode prepare} returned. */
  abstract write(view: DataView, byteOffset: number, prepared: unknown): void;

  /** The same with its bytes in the other order: the most significant one first. */
  abstract bigEndian(): Layout;
}

/** @throws {TypeError} If the value is not a type of this module. */
export function layoutOf(type: unknown, action: string): Layout {
  if (type instanceof Layout) return type;
  throw new TypeError(`Cannot ${action} as a field's type must be one of this module's`);
}
