/** What the values of a map are: bytes as they are, or numbers and structs. */

import { lengthOf, plainBytes } from "../../ffi/memory.ts";
import type { Layout } from "../struct/field_type.ts";
import { hashText, hashWords } from "./array_words.ts";
import { invalid } from "./header.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** How values become bytes. */
export interface MapValues<V> {
  /** The hash of their layout in the header. */
  readonly layout: readonly [number, number];
  /** Whether 8 bytes of them may be counted with. */
  readonly count: boolean;
  /** The bytes, in memory that the next call may use again. @throws {TypeError} */
  encode(value: unknown, action: string): Uint8Array;
  decode(bytes: Bytes): V;
}

/** Bytes as they are. */
export const PLAIN: MapValues<Bytes> = {
  layout: [0, 0],
  count: true,
  encode(value: Uint8Array, action: string): Uint8Array {
    return value instanceof Uint8Array ? value : plainBytes(value, "value", action);
  },
  decode: (bytes) => bytes,
};

/** Values of a type of `./struct`. */
export class TypedValues<V> implements MapValues<V> {
  readonly #type: Layout;
  readonly #view: DataView<ArrayBuffer>;
  readonly layout: readonly [number, number];
  readonly count: boolean;

  constructor(type: Layout) {
    this.#type = type;
    this.#view = new DataView(new ArrayBuffer(type.byteLength));
    this.layout = hashWords(type.layoutHash);
    this.count = type.description === "f64";
  }

  encode(value: unknown): Uint8Array {
    const prepared = this.#type.prepare(value);
    const bytes = new Uint8Array(this.#view.buffer);
    bytes.fill(0); // fields that are left out, and padding
    this.#type.write(this.#view, 0, prepared);
    return bytes;
  }

  decode({ buffer, byteOffset, byteLength }: Bytes): V {
    if (byteLength === this.#view.byteLength) {
      return this.#type.copy(new DataView(buffer, byteOffset, byteLength), 0) as V;
    }
    throw invalid(
      "read value",
      `it has ${byteLength} bytes, and its type ${this.#view.byteLength}`,
    );
  }
}

/** @throws {Deno.errors.InvalidData} If a map has values of another type. */
export function checkValues(
  found: readonly [number, number],
  values: MapValues<unknown>,
  action: string,
): void {
  const [low, high] = values.layout;
  if (found[0] === low && found[1] === high) return;
  const nameOf = (hash: readonly [number, number]): string =>
    hash[0] === 0 && hash[1] === 0 ? "bytes" : `of a type with hash ${hashText(hash)}`;
  throw invalid(
    action,
    `its values are ${nameOf(found)}, and ${nameOf(values.layout)} were asked for`,
  );
}

/** @throws {RangeError} If a value is longer than the map allows. */
export function checkLength(bytes: Uint8Array, longest: number, action: string): number {
  const byteLength = lengthOf(bytes);
  if (byteLength <= longest) return byteLength;
  throw new RangeError(
    `Cannot ${action} as a value must be at most ${longest} bytes long: received ${byteLength}`,
  );
}

/** A number in the form in which `increment` keeps it: 8 bytes, the least significant one first. */
const number = new DataView(new ArrayBuffer(8));

/** The bytes of {@linkcode numberIn} and {@linkcode bytesOfNumber}. */
export const NUMBER_BYTES: Bytes = new Uint8Array(number.buffer);

/** The number whose bytes stand in {@linkcode NUMBER_BYTES}. */
export function numberThere(): number {
  return number.getFloat64(0, true);
}

/** Puts the bytes of a number in {@linkcode NUMBER_BYTES}. */
export function putNumber(value: number): void {
  number.setFloat64(0, value, true);
}

/** @throws {TypeError} @throws {RangeError} If it is NaN or infinite. */
export function finite(value: unknown, name: string, action: string): number {
  if (typeof value !== "number") {
    throw new TypeError(`Cannot ${action} as ${name} must be a number: received ${typeof value}`);
  }
  if (Number.isFinite(value)) return value;
  throw new RangeError(`Cannot ${action} as ${name} must be finite: received ${value}`);
}
