/** Structs: fields at the offsets that a C compiler gives them. */

import { type AtomicField, atomicOf } from "./atomic.ts";
import { type FieldType, Layout, layoutOf } from "./field_type.ts";
import {
  type Located,
  makers,
  type Placed,
  type RecordClass,
  type Series,
  type SeriesClass,
} from "./generate.ts";
import { indexPrototype } from "./indexed.ts";
import { checkRoom, viewOf } from "./memory.ts";
import type { Fields, Struct, StructArrayOptions } from "./types.ts";

/** How fields lie: each behind the one before with padding, without it, or all at 0. */
export type StructKind = "struct" | "packed" | "union";

/** The names that every record has. */
const RESERVED = ["get", "set", "atomic", "toJSON", "constructor", "__proto__"];

/** The layout of a struct, and what reads and writes it. */
export class StructLayout extends Layout {
  readonly kind: StructKind;
  readonly fields: ReadonlyMap<string, Placed>;
  readonly offsets: Readonly<Record<string, number>>;
  override readonly byteLength: number;
  override readonly alignment: number;
  #record: RecordClass | undefined;
  #array: SeriesClass | undefined;
  readonly #columns = new Map<string, SeriesClass>();

  constructor(kind: StructKind, types: Iterable<readonly [name: string, type: Layout]>) {
    super();
    this.kind = kind;
    const fields = new Map<string, Placed>();
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

  at(memory: unknown, byteOffset: number = 0): Located {
    const action = "place record";
    const view = viewOf(memory, action);
    checkRoom(view, { byteOffset, byteLength: this.byteLength, length: 1, action });
    return this.read(view, byteOffset);
  }

  array(memory: unknown, { byteOffset = 0, length }: StructArrayOptions = {}): Series {
    const action = "place array";
    const view = viewOf(memory, action);
    const room = checkRoom(view, { byteOffset, byteLength: this.byteLength, length, action });
    this.#array ??= this.#makeArray();
    return new this.#array(part(view, byteOffset, room * this.byteLength), room);
  }

  override read(view: DataView, byteOffset: number): Located {
    return new (this.#recordClass())(view, byteOffset);
  }

  override copy(view: DataView, byteOffset: number): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (const [name, field] of this.fields) {
      values[name] = field.type.copy(view, byteOffset + field.byteOffset);
    }
    return values;
  }

  override prepare(value: unknown): [Placed, unknown][] {
    if (value === null || typeof value !== "object") {
      throw new TypeError("Cannot set record as its values must be given as an object");
    }
    // A record has its fields as accessors of its class, which are no own keys.
    const values = (value instanceof this.#recordClass() ? valueOf(value) : value) as object;
    return Object.entries(values)
      .filter(([, fieldValue]) => fieldValue !== undefined)
      .map(([name, fieldValue]) => {
        const field = this.#field(name, "set record");
        return [field, field.type.prepare(fieldValue)];
      });
  }

  override write(view: DataView, byteOffset: number, prepared: unknown): void {
    for (const [field, value] of prepared as [Placed, unknown][]) {
      field.type.write(view, byteOffset + field.byteOffset, value);
    }
  }

  override bigEndian(): StructLayout {
    const types = [...this.fields].map(([name, { type }]) => [name, type.bigEndian()] as const);
    return new StructLayout(this.kind, types);
  }

  #field(name: string, action: string): Placed {
    const field = this.fields.get(name);
    if (field !== undefined) return field;
    throw new TypeError(
      `Cannot ${action} as its fields are ${
        [...this.fields.keys()].join(", ")
      }: received "${name}"`,
    );
  }

  #recordClass(): RecordClass {
    return this.#record ??= this.#makeRecord();
  }

  /** Compiled at first use, so that a module of many structs starts as fast as one of none. */
  #makeRecord(): RecordClass {
    const record = makers().recordClass(this.fields);
    const copy = ({ "#view": view, "#start": start }: Located): unknown => this.copy(view, start);
    const write = ({ "#view": view, "#start": start }: Located, values: unknown): void =>
      this.write(view, start, this.prepare(values));
    const atomic = (located: Located, name: string): AtomicField<number> => {
      const { type, byteOffset } = this.#field(name, "access field atomically");
      return atomicOf(type, located["#view"], located["#start"] + byteOffset);
    };
    addMethods(record.prototype, {
      get(this: Located): unknown {
        return copy(this);
      },
      set(this: Located, values: unknown): void {
        write(this, values);
      },
      atomic(this: Located, name: string): AtomicField<number> {
        return atomic(this, name);
      },
      toJSON(this: Located): unknown {
        return copy(this);
      },
      [Symbol.for("Deno.customInspect")](
        this: Located,
        inspect: Inspect,
        options: unknown,
      ): string {
        return inspect(copy(this), options);
      },
    });
    return record;
  }

  #makeArray(): SeriesClass {
    const array = makers().arrayClass(this.#recordClass(), this.byteLength);
    const column = (series: Series, name: string): Series => {
      const { type, byteOffset } = this.#field(name, "take column");
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
      column = makers().columnClass(this.#field(name, "take column").type, this.byteLength);
      this.#columns.set(name, column);
    }
    return column;
  }
}

/** How Deno prints an object. */
type Inspect = (value: unknown, options: unknown) => string;

/** As methods of a class: not enumerable. */
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

function valueOf(record: unknown): unknown {
  return (record as { get(): unknown }).get();
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** @throws {TypeError} If it is none that a field can have. */
function checkName(name: string): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw new TypeError(`Cannot lay out struct as fields need names as in C: received "${name}"`);
  }
  if (RESERVED.includes(name)) {
    throw new TypeError(`Cannot lay out struct as every record has a "${name}" already`);
  }
}

function make<F extends Fields>(kind: StructKind, fields: F): Struct<F> {
  const action = "lay out struct";
  if (fields === null || typeof fields !== "object") {
    throw new TypeError(`Cannot ${action} as its fields must be given as an object`);
  }
  const types = Object.entries(fields).map(([name, type]) => {
    checkName(name);
    return [name, layoutOf(type, action)] as const;
  });
  if (types.length === 0) {
    throw new TypeError(`Cannot ${action} as it must have a field, as in C`);
  }
  return new StructLayout(kind, types) as unknown as Struct<F>;
}

/**
 * A struct whose fields lie where a C compiler puts them: in their order, each at a multiple of its
 * alignment, with padding between and behind them.
 *
 * @throws {TypeError} If a field's name is not as in C, is "get", "set", "atomic", "toJSON" or
 * "constructor", or its type is none of this module; or if there is no field.
 *
 * @example An array of structs
 * ```ts
 * import { chars, i32, struct } from "@mmap/mmap/struct";
 * import { assertEquals } from "@std/assert";
 *
 * const Person = struct({ name: chars(4), age: i32 }); // struct { char name[4]; int age; }
 * const people = Person.array(new Uint8Array(3 * Person.byteLength));
 * people.at(0).set({ name: "Ann", age: 31 });
 * people.at(0).age += 1;
 * assertEquals(people.at(0).get(), { name: "Ann", age: 32 });
 * ```
 */
export function struct<const F extends Fields>(fields: F): Struct<F> {
  return make("struct", fields);
}

/**
 * A struct without padding: `__attribute__((packed))`. A struct that is a field of it keeps its own.
 *
 * @throws {TypeError} As {@linkcode struct}.
 *
 * @example A header of five bytes
 * ```ts
 * import { packed, u32, u8 } from "@mmap/mmap/struct";
 * import { assertEquals } from "@std/assert";
 *
 * const Header = packed({ version: u8, byteLength: u32 });
 * assertEquals([Header.byteLength, Header.offsets.byteLength], [5, 1]);
 * ```
 */
export function packed<const F extends Fields>(fields: F): Struct<F> {
  return make("packed", fields);
}

/**
 * A union: all fields begin at 0, and share their bytes. `set` writes fields in the order of its argument.
 *
 * @throws {TypeError} As {@linkcode struct}.
 *
 * @example The bits of a float
 * ```ts
 * import { f32, u32, union } from "@mmap/mmap/struct";
 * import { assertEquals } from "@std/assert";
 *
 * const bits = union({ number: f32, word: u32 }).at(new Uint8Array(4));
 * bits.number = 1;
 * assertEquals(bits.word, 0x3f800000);
 * ```
 */
export function union<const F extends Fields>(fields: F): Struct<F> {
  return make("union", fields);
}

/**
 * The same type with its most significant byte first, as in network protocols; of an array or a
 * struct, all that is in it.
 *
 * @throws {TypeError} If the type is none of this module.
 *
 * @example A port as it is sent
 * ```ts
 * import { bigEndian, struct, u16 } from "@mmap/mmap/struct";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Uint8Array(2);
 * struct({ port: bigEndian(u16) }).at(bytes).port = 0x1f90;
 * assertEquals([...bytes], [0x1f, 0x90]);
 * ```
 */
export function bigEndian<T extends FieldType>(type: T): T {
  return layoutOf(type, "turn byte order").bigEndian() as unknown as T;
}
