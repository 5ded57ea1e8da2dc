/** What tells keys apart: exactly, in an isolate, and by two hashes over all processes. */

import { checksum } from "../checksum.ts";
import type { KeyHashes } from "./flights.ts";
import type { CacheKey } from "./lookup.ts";

/** Each byte is another character. */
const bytesAsText = new TextDecoder("latin1");

/** The same for a string and its bytes. */
export function keyId({ key, namespace }: CacheKey): string {
  const bytes = new Uint8Array(key.words.buffer, 0, key.byteLength);
  return `${namespace} ${bytesAsText.decode(bytes)}`;
}

/** Two hashes of a key. */
export function keyHashes({ key, hash, namespace }: CacheKey): KeyHashes {
  return [hash, checksum(key.words, 0, key.byteLength, namespace)];
}
