/** The layout of structs: fields at the offsets that a C compiler gives them. */

import { checkOptions, type Names } from "../check/options.ts";
import { type AtomicField, atomicOf } from "./atomic.ts";
import type { AnyRecord, Located, RecordClass, Series, SeriesClass } from "./classes.ts";
import { Layout } from "./field_type.ts";
import {
  checkNames,
  type FieldMap,
  fieldOf,
  type PlacedField,
  type PreparedFields,
  prepareFields,
  writeFields,
} from "./fields.ts";
import { makers } from "./generate.ts";
import { indexPrototype } from "./indexed.ts";
import { checkRoom, viewOf } from "./memory.ts";
import type { StructArrayOptions } from "./types.ts";

/**
 * How fields are placed: each after the previous one with padding, without padding, or all at 0.
 */
export type StructKind = "struct" | "packed" | "union";

const ARRAY: Names<StructArrayOptions> = { byteOffset: true, length: true };

/** The layout of a struct, with the methods that read and write it. */
export class StructLayout extends Layout {
  readonly kind: StructKind;
  readonly fields: FieldMap;
  readonly offsets: Readonly<Record<string, number>>;
  override readonly byteLength: number;
  override readonly alignment: number;
  #record: RecordClass | undefined;
  #array: SeriesClass | undefined;
  readonly #columns = new Map<string, SeriesClass>();

  constructor(kind: StructKind, types: Iterable<readonly [name: string, type: Layout]>) {
    super();
    this.kind = kind;
    const fields = new Map<string, PlacedField>();
    let end = 0;
    let size = 0;
    let alignment = 1;
    for (const [name, type] of types) {
      const fieldAlignment = kind === "packed" ? 1 : type.alignment;
      const byteOffset = kind === "union" ? 0 : roundUp(end, fieldAlignment);
      fields.set(name, { type, byteOffset });
      end = byteOffset + type.byteLength;
      size = Math.max(size, end);
      alignment = Math.max(alignment, fieldAlignment);
    }
    this.fields = fields;
    this.offsets = Object.freeze(
      Object.fromEntries([...fields].map(([name, { byteOffset }]) => [name, byteOffset])),
    );
    this.alignment = alignment;
    this.byteLength = roundUp(size, alignment);
  }

  override get description(): string {
    const fields = [...this.fields].map(([name, { type, byteOffset }]) =>
      `${name}:${type.description}@${byteOffset}`
    );
    return `${this.kind}{${fields}}/${this.byteLength}`;
  }

  at(memory: unknown, byteOffset: number = 0): AnyRecord {
    const action = "place record";
    const view = viewOf(memory, action);
    checkRoom(view, { byteOffset, byteLength: this.byteLength, length: 1, action });
    return this.read(view, byteOffset);
  }

  array(memory: unknown, options: StructArrayOptions = {}): Series {
    const action = "place array";
    checkOptions(options, ARRAY, action);
    const { byteOffset = 0, length } = options;
    const view = viewOf(memory, action);
    const room = checkRoom(view, { byteOffset, byteLength: this.byteLength, length, action });
    this.#array ??= this.#makeArray();
    return new this.#array(part(view, byteOffset, room * this.byteLength), room);
  }

  override read(view: DataView, byteOffset: number): AnyRecord {
    return new (this.#recordClass())(view, byteOffset);
  }

  override copy(view: DataView, byteOffset: number): Record<string, unknown> {
    return this.read(view, byteOffset).get();
  }

  override prepare(value: unknown): PreparedFields {
    if (!(value instanceof this.#recordClass())) checkNames(value, this.fields);
    return prepareFields(this.fields, value as object);
  }

  override write(view: DataView, byteOffset: number, prepared: unknown): void {
    writeFields(view, byteOffset, prepared as PreparedFields);
  }

  override bigEndian(): StructLayout {
    const types = [...this.fields].map(([name, { type }]) => [name, type.bigEndian()] as const);
    return new StructLayout(this.kind, types);
  }

  #recordClass(): RecordClass {
    return this.#record ??= this.#makeRecord();
  }

  /** Compiled at first use, so that a module of many structs starts as fast as one of none. */
  #makeRecord(): RecordClass {
    const { fields } = this;
    const record = makers().recordClass(fields);
    addMethods(record.prototype, {
      atomic(this: Located, name: string): AtomicField<number> {
        const { type, byteOffset } = fieldOf(fields, name, "access field atomically");
        return atomicOf(type, this["#view"], this["#start"] + byteOffset);
      },
      toJSON(this: AnyRecord): unknown {
        return this.get();
      },
      [Symbol.for("Deno.customInspect")](
        this: AnyRecord,
        inspect: Inspect,
        options: unknown,
      ): string {
        return inspect(this.get(), options);
      },
    });
    return record;
  }

  #makeArray(): SeriesClass {
    const array = makers().arrayClass(this.#recordClass(), this.byteLength);
    const column = (series: Series, name: string): Series => {
      const { type, byteOffset } = fieldOf(this.fields, name, "take column");
      const { "#view": view, length } = series;
      const values = length === 0
        ? part(view, 0, 0)
        : part(view, byteOffset, (length - 1) * this.byteLength + type.byteLength);
      return new (this.#columnClass(name))(values, length);
    };
    addMethods(array.prototype, {
      column(this: Series, name: string): Series {
        return column(this, name);
      },
      toJSON(this: Series): unknown {
        return [...this as unknown as Iterable<unknown>];
      },
      [Symbol.for("Deno.customInspect")](this: Series, inspect: Inspect, options: unknown): string {
        return inspect([...this as unknown as Iterable<unknown>], options);
      },
    });
    const parent = indexPrototype((series, index, value) => {
      (series.at(index) as { set(value: unknown): void }).set(value);
    });
    Object.setPrototypeOf(array.prototype, parent);
    return array;
  }

  #columnClass(name: string): SeriesClass {
    let column = this.#columns.get(name);
    if (column === undefined) {
      column = makers().columnClass(
        fieldOf(this.fields, name, "take column").type,
        this.byteLength,
      );
      this.#columns.set(name, column);
    }
    return column;
  }
}

/** How Deno prints an object. */
type Inspect = (value: unknown, options: unknown) => string;

/** Adds methods as a class has them: not enumerable. */
function addMethods(prototype: object, methods: Record<string | symbol, unknown>): void {
  for (const key of Reflect.ownKeys(methods)) {
    Object.defineProperty(prototype, key, {
      value: methods[key],
      writable: true,
      configurable: true,
    });
  }
}

/** @throws {TypeError} If the memory is gone. */
function part(view: DataView, byteOffset: number, byteLength: number): DataView {
  return new DataView(view.buffer, view.byteOffset + byteOffset, byteLength);
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
