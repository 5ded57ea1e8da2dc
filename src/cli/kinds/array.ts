/** Reads an array: `collections/array_words.ts`. */

import { byteLengthOf, LENGTH } from "../../collections/array_words.ts";
import { HEADER_BYTE_LENGTH } from "../../collections/header.ts";
import { formatSize } from "../format.ts";
import { readHead, writersMutex } from "./collection.ts";
import type { Finding } from "./finding.ts";
import { damaged, type Look } from "./look.ts";

export function readArray(look: Look): Finding {
  const { words, header, version } = readHead(look, "array");
  const [elementByteLength] = header.geometry;
  if (elementByteLength === 0) throw damaged("its elements have no bytes");
  const length = words[LENGTH]! >>> 0;
  if (byteLengthOf(length, elementByteLength) > look.byteLength) {
    throw damaged(`it is too short for ${length} elements`);
  }
  const [low, high] = header.layout;
  const elementLayout = [high, low].map((word) => (word >>> 0).toString(16).padStart(8, "0"))
    .join("");
  const room = Math.floor((look.byteLength - HEADER_BYTE_LENGTH) / elementByteLength);
  return {
    version,
    fields: { length, elementByteLength, elementLayout, room },
    lines: {
      length: `${length} elements of ${elementByteLength} bytes, room for ${room}`,
      bytes: formatSize(length * elementByteLength),
      elements: `layout ${elementLayout}`,
    },
    locks: [writersMutex(look, words)],
  };
}
