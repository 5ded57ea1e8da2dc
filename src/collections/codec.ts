/** How values become bytes. */

import { lengthOf, plainBytes } from "../../ffi/memory.ts";
import { callable } from "../check/options.ts";
import { type FieldType, Layout } from "../struct/field_type.ts";

/**
 * How values become bytes and come back. {@linkcode bytes}, {@linkcode text}, {@linkcode json} and
 * {@linkcode number} are there, and every struct of `@mmap/mmap/struct` can stand for one.
 */
export interface Codec<T> {
  /** The bytes of a value. They are copied at once. */
  encode(value: T): Uint8Array;
  /** The value of bytes that {@linkcode Codec.encode} has made. They are its own to keep. */
  decode(bytes: Uint8Array): T;
}

/** A codec, or a struct in its place. */
export type CodecLike<T> = Codec<T> | FieldType<T>;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function wrongType(name: string, wanted: string, value: unknown): TypeError {
  return new TypeError(
    `Cannot encode ${name} as the value must be ${wanted}: received ${typeof value}`,
  );
}

function wrongForm(name: string, why: string): Error {
  return new Deno.errors.InvalidData(`Cannot decode ${name}: ${why}`);
}

/** Bytes as they are. */
export const bytes: Codec<Uint8Array> = {
  encode: (value) => value instanceof Uint8Array ? value : plainBytes(value, "value", "set key"),
  decode: (bytes) => bytes,
};

/** Strings, as UTF-8. */
export const text: Codec<string> = {
  encode(value): Uint8Array {
    if (typeof value !== "string") throw wrongType("text", "a string", value);
    return encoder.encode(value);
  },
  decode(bytes): string {
    try {
      return decoder.decode(bytes);
    } catch {
      throw wrongForm("text", "it is not UTF-8");
    }
  },
};

/** Whatever JSON can hold. */
// deno-lint-ignore no-explicit-any -- as JSON.parse gives it
export const json: Codec<any> = {
  encode(value): Uint8Array {
    const written = JSON.stringify(value);
    if (written === undefined) throw wrongType("JSON", "one that JSON can hold", value);
    return encoder.encode(written);
  },
  decode(bytes): unknown {
    try {
      return JSON.parse(decoder.decode(bytes));
    } catch {
      throw wrongForm("JSON", "it is none");
    }
  },
};

const eight = new DataView(new ArrayBuffer(8));

/** Numbers, as 64-bit floats with the lowest byte first. */
export const number: Codec<number> = {
  encode(value): Uint8Array {
    if (typeof value !== "number") throw wrongType("number", "a number", value);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    return bytes;
  },
  decode(bytes): number {
    if (lengthOf(bytes) !== 8) throw wrongForm("number", `it has ${lengthOf(bytes)} bytes`);
    for (let i = 0; i < 8; i++) eight.setUint8(i, bytes[i]!);
    return eight.getFloat64(0, true);
  },
};

/** A codec, and the two words by which a cache tells it from others. */
export interface KnownCodec<T> {
  readonly codec: Codec<T>;
  readonly kind: readonly [number, number];
}

/** Those that are told apart by their number; others are one kind. */
const BUILT_IN: readonly unknown[] = [bytes, text, json, number];
const OTHER = 0x7fffffff;

/** @throws {TypeError} If it is neither a codec nor a struct. */
export function knownCodec<T>(codec: CodecLike<T> | undefined, action: string): KnownCodec<T> {
  const given = codec ?? bytes as unknown as Codec<T>;
  if (given instanceof Layout) return structCodec(given);
  const { encode, decode } = Object(given);
  callable(encode, "codec.encode", action);
  callable(decode, "codec.decode", action);
  const index = BUILT_IN.indexOf(given);
  return { codec: given as Codec<T>, kind: [index < 0 ? OTHER : index + 1, 0] };
}

function structCodec<T>(layout: Layout): KnownCodec<T> {
  const { byteLength, layoutHash } = layout;
  const hash = BigInt(`0x${layoutHash}`);
  return {
    kind: [Number(BigInt.asIntN(32, hash)), Number(BigInt.asIntN(32, hash >> 32n))],
    codec: {
      encode(value): Uint8Array {
        const bytes = new Uint8Array(byteLength);
        layout.write(new DataView(bytes.buffer), 0, layout.prepare(value));
        return bytes;
      },
      decode(bytes): T {
        if (lengthOf(bytes) !== byteLength) {
          throw wrongForm("struct", `it has ${lengthOf(bytes)} bytes instead of ${byteLength}`);
        }
        const { buffer, byteOffset } = bytes;
        return layout.copy(new DataView(buffer, byteOffset, byteLength), 0) as T;
      },
    },
  };
}
