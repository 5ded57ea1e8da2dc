/**
 * The classes of generate.ts for programs that may not compile source: the same without any text,
 * several times slower.
 */

import type { Layout } from "./field_type.ts";
import { checkNames, copyFields, type FieldMap, prepareFields, writeFields } from "./fields.ts";
import type { AnyRecord, Classes, Located, RecordClass, Series, SeriesClass } from "./generate.ts";
import { place } from "./numbers.ts";

/** Elements one behind the other; subclasses say what they are. */
abstract class InterpretedSeries implements Series {
  readonly "#view": DataView;
  readonly #length: number;

  constructor(view: DataView, length: number) {
    this["#view"] = view;
    this.#length = length;
  }

  get length(): number {
    return this.#length;
  }

  abstract at(index: number): unknown;

  *[Symbol.iterator](): Generator<unknown> {
    for (let i = 0; i < this.#length; i++) yield this.at(i);
  }
}

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
  for (const [name, { type, byteOffset }] of fields) {
    Object.defineProperty(InterpretedRecord.prototype, name, {
      get(this: Located): unknown {
        return type.read(this["#view"], this["#start"] + byteOffset);
      },
      set(this: Located, value: unknown): void {
        type.write(this["#view"], this["#start"] + byteOffset, type.prepare(value));
      },
      configurable: true,
    });
  }
  return InterpretedRecord;
}

function arrayClass(Record: RecordClass, stride: number): SeriesClass {
  return class extends InterpretedSeries {
    override at(index: number): AnyRecord {
      return new Record(this["#view"], place(index, this.length) * stride);
    }
  };
}

function columnClass(type: Layout, stride: number): SeriesClass {
  return class extends InterpretedSeries {
    override at(index: number): unknown {
      return type.read(this["#view"], place(index, this.length) * stride);
    }

    set(index: number, value: unknown): void {
      type.write(this["#view"], place(index, this.length) * stride, type.prepare(value));
    }
  };
}

/** Makes classes without compiling source. */
export const interpreted: Classes = { recordClass, arrayClass, columnClass };
