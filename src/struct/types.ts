/** The TypeScript types of a struct and of its records, arrays and columns. */

import type { AtomicField, AtomicName } from "./atomic.ts";
import type { FieldOf, FieldType, InitOf, ValueOf } from "./field_type.ts";
import type { StructMemory } from "./memory.ts";
import type { ScalarType } from "./scalar.ts";

/** The fields of a struct, in their order. */
export type Fields = Readonly<Record<string, FieldType>>;

/** What `get()` of a record returns. */
export type RecordValue<F extends Fields> = { -readonly [K in keyof F]: ValueOf<F[K]> };

/** What `set()` of a record takes: some of the fields, or all. */
export type RecordInit<F extends Fields> = { readonly [K in keyof F]?: InitOf<F[K]> };

/** The fields that have atomic access, with their types. */
export type AtomicFields<F extends Fields> = {
  [K in keyof F as F[K] extends ScalarType<number | bigint, AtomicName> ? K : never]: ValueOf<
    F[K]
  > extends bigint ? bigint : number;
};

/** A record in memory: reading a property reads the memory, and setting it writes there. */
export type StructRecord<F extends Fields> =
  & { -readonly [K in keyof F]: FieldOf<F[K]> }
  & RecordMethods<F>;

/** What every record has besides its fields. */
export interface RecordMethods<F extends Fields> {
  /**
   * A copy of the record as a plain object. The copy is not one atomic step: another process may
   * write meanwhile.
   *
   * @throws {TypeError} If the memory was closed or resized.
   */
  get(): RecordValue<F>;
  /**
   * Sets the fields in `values`. If one of them is wrong, none is set.
   *
   * @throws {RangeError} If text or an array does not fit.
   * @throws {TypeError} If a value has the wrong type, the struct has no such field, or the memory
   * was closed or resized.
   */
  set(values: RecordInit<F>): void;
  /**
   * Atomic access to an integer of 32 or 64 bits.
   *
   * @throws {TypeError} If the field is not such an integer, or the memory was closed or resized.
   * @throws {RangeError} If it is misaligned.
   */
  atomic<K extends keyof AtomicFields<F>>(
    name: K,
  ): AtomicField<AtomicFields<F>[K] extends bigint ? bigint : number>;
  /** As {@linkcode RecordMethods.get}, for `JSON.stringify`, which does not accept bigints. */
  toJSON(): RecordValue<F>;
}

/** Records one after the other, as in a C array. */
export interface StructArray<F extends Fields> extends Iterable<StructRecord<F>> {
  /** How many there are. */
  readonly length: number;
  /** One record; undefined out of range. `at` is faster. */
  readonly [index: number]: StructRecord<F>;
  /**
   * One record; negative indices count from the end.
   *
   * @throws {RangeError} If there is no such record.
   */
  at(index: number): StructRecord<F>;
  /** All records, in their order. */
  [Symbol.iterator](): IteratorObject<StructRecord<F>, unknown>;
  /**
   * One field of all records, without an object for each.
   *
   * @throws {TypeError} If the struct has no such field.
   */
  column<K extends keyof F & string>(name: K): Column<FieldOf<F[K]>, InitOf<F[K]>>;
}

/** One field of all records of an array. */
export interface Column<Value, Init = Value> extends Iterable<Value> {
  /** How many records there are. */
  readonly length: number;
  /**
   * The field of one record; negative indices count from the end.
   *
   * @throws {RangeError} If there is no such record.
   */
  at(index: number): Value;
  /**
   * Sets the field of one record.
   *
   * @throws {RangeError} If there is no such record, or the value does not fit.
   */
  set(index: number, value: Init): void;
  /** All values, in their order. */
  [Symbol.iterator](): IteratorObject<Value, unknown>;
}

/** The position of an array of records. */
export interface StructArrayOptions {
  /** Where it begins, in bytes.  @default {0} */
  readonly byteOffset?: number;
  /** How many records it has; by default as many as there is room for. */
  readonly length?: number;
}

/** A struct's layout. */
export interface Struct<F extends Fields>
  extends FieldType<RecordValue<F>, StructRecord<F>, RecordInit<F>> {
  /** The offset of each field, in bytes: `offsetof`. */
  readonly offsets: { readonly [K in keyof F]: number };
  /**
   * A record in memory. It may be misaligned.
   *
   * @param byteOffset where it begins, default 0
   * @throws {RangeError} If it reaches beyond the memory.
   * @throws {Deno.errors.BadResource} If the memory is a closed region.
   */
  at(memory: StructMemory, byteOffset?: number): StructRecord<F>;
  /**
   * An array of records in memory. It may be misaligned.
   *
   * @throws {RangeError} If it reaches beyond the memory.
   * @throws {Deno.errors.BadResource} If the memory is a closed region.
   */
  array(memory: StructMemory, options?: StructArrayOptions): StructArray<F>;
}

/** The plain object that a struct's record is a copy of: `type Person = StructValue<typeof Person>`. */
export type StructValue<S extends FieldType> = ValueOf<S>;
