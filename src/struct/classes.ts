/** The interfaces of the classes of records, arrays and columns, generated or interpreted. */

import type { Layout } from "./field_type.ts";
import type { FieldMap } from "./fields.ts";

/** The position of a record, or of a series of them: the memory, and the offset in it. */
export interface Located {
  readonly "#view": DataView;
  readonly "#start": number;
}

/** A record: its fields are accessors. */
export interface AnyRecord extends Located {
  get(): Record<string, unknown>;
  set(values: unknown): void;
}

/** Constructs a record. */
export type RecordClass = new (view: DataView, start: number) => AnyRecord;

/**
 * Constructs an array of records, or a column of one. The view begins with the first element and
 * ends with the last.
 */
export type SeriesClass = new (view: DataView, length: number) => Series;

/** An array of records, or a column. */
export interface Series {
  readonly "#view": DataView;
  readonly length: number;
  at(index: number): unknown;
}

/** A maker of the classes. */
export interface Classes {
  /** The class of a struct's records, with one accessor for each field, get and set. */
  recordClass(fields: FieldMap): RecordClass;
  /** The class of arrays of records. */
  arrayClass(Record: RecordClass, stride: number): SeriesClass;
  /** The class of columns: a value of `type` every `stride` bytes. */
  columnClass(type: Layout, stride: number): SeriesClass;
}
