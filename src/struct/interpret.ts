/**
 * The classes of generate.ts for programs that may not compile source: the same without source
 * text, at tens of nanoseconds a field, since all structs share its functions.
 */

import type { Layout } from "./field_type.ts";
import {
  checkNames,
  copyFields,
  type FieldMap,
  prepareField,
  prepareFields,
  writeFields,
} from "./fields.ts";
import type { AnyRecord, Classes, Located, RecordClass, Series, SeriesClass } from "./classes.ts";
import { place } from "./numbers.ts";

function recordClass(fields: FieldMap): RecordClass {
  class InterpretedRecord implements AnyRecord {
    readonly "#view": DataView;
    readonly "#start": number;

    constructor(view: DataView, start: number) {
      this["#view"] = view;
      this["#start"] = start;
    }

    get(): Record<string, unknown> {
      return copyFields(fields, this["#view"], this["#start"]);
    }

    set(values: unknown): void {
      if (!(values instanceof InterpretedRecord)) checkNames(values, fields);
      writeFields(this["#view"], this["#start"], prepareFields(fields, values as object));
    }
  }
  for (const [name, field] of fields) {
    const { type, byteOffset } = field;
    Object.defineProperty(InterpretedRecord.prototype, name, {
      get(this: Located): unknown {
        return type.read(this["#view"], this["#start"] + byteOffset);
      },
      set(this: Located, value: unknown): void {
        type.write(this["#view"], this["#start"] + byteOffset, prepareField(name, field, value));
      },
      configurable: true,
    });
  }
  return InterpretedRecord;
}

/** Makes a class without a parent, which the caller sets. */
function seriesClass(
  stride: number,
  read: (view: DataView, byteOffset: number) => unknown,
): SeriesClass {
  return class InterpretedSeries implements Series {
    readonly "#view": DataView;
    readonly #length: number;

    constructor(view: DataView, length: number) {
      this["#view"] = view;
      this.#length = length;
    }

    get length(): number {
      return this.#length;
    }

    at(index: number): unknown {
      return read(this["#view"], place(index, this.#length) * stride);
    }

    *[Symbol.iterator](): Generator<unknown> {
      for (let i = 0; i < this.#length; i++) yield this.at(i);
    }
  };
}

function arrayClass(Record: RecordClass, stride: number): SeriesClass {
  return seriesClass(stride, (view, byteOffset) => new Record(view, byteOffset));
}

function columnClass(type: Layout, stride: number): SeriesClass {
  const Column = seriesClass(stride, (view, byteOffset) => type.read(view, byteOffset));
  Object.defineProperty(Column.prototype, "set", {
    value(this: Series, index: number, value: unknown): void {
      type.write(this["#view"], place(index, this.length) * stride, type.prepare(value));
    },
  });
  return Column;
}

/** Makes classes without compiling source. */
export const interpreted: Classes = { recordClass, arrayClass, columnClass };
