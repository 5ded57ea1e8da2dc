/** Values as the bytes of messages. */

import { deserialize, serialize } from "node:v8";

/** One way to encode values. */
export interface Codec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** The codecs by their names in options. */
export const CODECS: Readonly<Record<"clone" | "json", Codec>> = {
  clone: { encode: encodeClone, decode: deserialize },
  json: { encode: encodeJson, decode: decodeJson },
};

/** @throws {Deno.errors.InvalidData} If the message is not a value in this encoding. */
export function decode(codec: Codec, message: Uint8Array): unknown {
  try {
    return codec.decode(message);
  } catch (cause) {
    throw new Deno.errors.InvalidData(
      "Cannot receive value: the message is not a value in this encoding",
      { cause },
    );
  }
}

/**
 * Decodes a value from `encodeClone`. @throws {Deno.errors.InvalidData} If the message is not a
 * value.
 */
export function decodeClone(message: Uint8Array): unknown {
  return decode(CODECS.clone, message);
}

/** A value as bytes. @throws {TypeError} If it cannot be cloned. */
export function encodeClone(value: unknown): Uint8Array {
  try {
    return serialize(value);
  } catch (cause) {
    throw new TypeError("Cannot send value: it cannot be cloned", { cause });
  }
}

function encodeJson(value: unknown): Uint8Array {
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`Cannot send value: JSON has no ${typeof value}`);
  return new TextEncoder().encode(text);
}

const text = new TextDecoder("utf-8", { fatal: true });

function decodeJson(bytes: Uint8Array): unknown {
  return JSON.parse(text.decode(bytes));
}
