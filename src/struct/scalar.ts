/** Numbers, bigints and booleans. */

import { type FieldType, Layout } from "./field_type.ts";

/** The names of the scalars. */
export type ScalarName =
  | "i8"
  | "u8"
  | "i16"
  | "u16"
  | "i32"
  | "u32"
  | "i64"
  | "u64"
  | "f32"
  | "f64"
  | "bool"
  | "usize"
  | "isize";

/** A scalar that reads as `Value`. */
export interface ScalarType<Value, Name extends ScalarName = ScalarName>
  extends FieldType<Value, Value, Value> {
  /** Its name. */
  readonly name: Name;
}

/** The methods of DataView that read and write a scalar end in these. */
const METHODS = {
  i8: "Int8",
  u8: "Uint8",
  i16: "Int16",
  u16: "Uint16",
  i32: "Int32",
  u32: "Uint32",
  i64: "BigInt64",
  u64: "BigUint64",
  f32: "Float32",
  f64: "Float64",
  bool: "Uint8",
  usize: "BigUint64", // every system that Deno supports has 64-bit pointers
  isize: "BigInt64",
} as const;

type Method = typeof METHODS[ScalarName];

/** Reads a number or bigint in the order of bytes that is given. */
type Read = (view: DataView, byteOffset: number, isLittleEndian: boolean) => number | bigint;

/** A function each: a method that is looked up by a name costs 10 ns more at each call. */
const READS: Record<Method, Read> = {
  Int8: (view, at) => view.getInt8(at),
  Uint8: (view, at) => view.getUint8(at),
  Int16: (view, at, isLittleEndian) => view.getInt16(at, isLittleEndian),
  Uint16: (view, at, isLittleEndian) => view.getUint16(at, isLittleEndian),
  Int32: (view, at, isLittleEndian) => view.getInt32(at, isLittleEndian),
  Uint32: (view, at, isLittleEndian) => view.getUint32(at, isLittleEndian),
  BigInt64: (view, at, isLittleEndian) => view.getBigInt64(at, isLittleEndian),
  BigUint64: (view, at, isLittleEndian) => view.getBigUint64(at, isLittleEndian),
  Float32: (view, at, isLittleEndian) => view.getFloat32(at, isLittleEndian),
  Float64: (view, at, isLittleEndian) => view.getFloat64(at, isLittleEndian),
};

/** Whether this machine puts the least significant byte first. */
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** A scalar: its accessors are text, which becomes part of the generated classes of a struct. */
export class Scalar extends Layout {
  override readonly byteLength: number;
  readonly #method: Method;
  readonly #read: Read;
  readonly #isBool: boolean;
  readonly #isLittleEndian: boolean;
  readonly #setter: `set${Method}`;

  constructor(readonly name: ScalarName, readonly isBigEndian = false) {
    super();
    this.#method = METHODS[name];
    this.#read = READS[this.#method];
    this.#isBool = name === "bool";
    this.#isLittleEndian = LITTLE_ENDIAN && !isBigEndian;
    this.#setter = `set${this.#method}`;
    this.byteLength = Number(/\d+/.exec(this.#method)![0]) / 8;
  }

  override get alignment(): number {
    return this.byteLength;
  }

  override get description(): string {
    return this.isBigEndian ? `${this.name}be` : this.name;
  }

  /** Whether it reads as a bigint. */
  get isBigInt(): boolean {
    return this.#method.startsWith("Big");
  }

  /** An expression that reads it. */
  readSource(view: string, byteOffset: string): string {
    const read = `${view}.get${this.#method}(${byteOffset}${this.#order})`;
    return this.name === "bool" ? `${read} !== 0` : read;
  }

  /** An expression that writes it. */
  writeSource(view: string, byteOffset: string, value: string): string {
    const written = this.name === "bool" ? `${value} ? 1 : 0` : value;
    return `${view}.set${this.#method}(${byteOffset}, ${written}${this.#order})`;
  }

  /** An expression of what {@linkcode prepare} gives. */
  prepareSource(value: string): string {
    if (this.name === "bool") return `${value} ? 1 : 0`;
    return this.isBigInt ? `BigInt.asIntN(64, ${value})` : `+${value}`;
  }

  override read(view: DataView, byteOffset: number): unknown {
    const value = this.#read(view, byteOffset, this.#isLittleEndian);
    return this.#isBool ? value !== 0 : value;
  }

  override copy(view: DataView, byteOffset: number): unknown {
    return this.read(view, byteOffset);
  }

  override prepare(value: unknown): unknown {
    if (this.name === "bool") return value ? 1 : 0;
    // As in typed arrays, a number for a bigint is a TypeError, and so is the reverse.
    return this.isBigInt ? BigInt.asIntN(64, value as bigint) : +(value as number);
  }

  override write(view: DataView, byteOffset: number, prepared: unknown): void {
    view[this.#setter](byteOffset, prepared as never, this.#isLittleEndian);
  }

  override bigEndian(): Scalar {
    return this.byteLength === 1 ? this : new Scalar(this.name, true);
  }

  get #order(): string {
    return this.byteLength === 1 ? "" : `, ${this.#isLittleEndian}`;
  }
}

function scalar<Value, Name extends ScalarName>(name: Name): ScalarType<Value, Name> {
  return new Scalar(name) as unknown as ScalarType<Value, Name>;
}

/** `int8_t` */
export const i8: ScalarType<number, "i8"> = scalar("i8");
/** `uint8_t` */
export const u8: ScalarType<number, "u8"> = scalar("u8");
/** `int16_t` */
export const i16: ScalarType<number, "i16"> = scalar("i16");
/** `uint16_t` */
export const u16: ScalarType<number, "u16"> = scalar("u16");
/** `int32_t`: C's `int` on every system that Deno runs on */
export const i32: ScalarType<number, "i32"> = scalar("i32");
/** `uint32_t` */
export const u32: ScalarType<number, "u32"> = scalar("u32");
/** `int64_t`, a bigint */
export const i64: ScalarType<bigint, "i64"> = scalar("i64");
/** `uint64_t`, a bigint */
export const u64: ScalarType<bigint, "u64"> = scalar("u64");
/** `float` */
export const f32: ScalarType<number, "f32"> = scalar("f32");
/** `double` */
export const f64: ScalarType<number, "f64"> = scalar("f64");
/** `bool`: a byte; whatever is not 0 reads as true, and true is written as 1 */
export const bool: ScalarType<boolean, "bool"> = scalar("bool");
/** `size_t`: as wide as a pointer, a bigint */
export const usize: ScalarType<bigint, "usize"> = scalar("usize");
/** `ptrdiff_t`: as wide as a pointer, with sign, a bigint */
export const isize: ScalarType<bigint, "isize"> = scalar("isize");
