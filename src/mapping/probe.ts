/** Which pages of a mapping are present. */

import { addressOf } from "../../ffi/memory.ts";
import { firstMissing } from "./copy.ts";
import { system } from "../os/mod.ts";
import type { Mapping } from "./mapping.ts";
import type { Span } from "./pages.ts";

/** One byte for each page of a page-aligned span: 1 if it can be read from its object. */
export function probeSpan(mapping: Mapping, span: Span): Uint8Array<ArrayBuffer> {
  const step = system().memory.pageSize();
  const pages = span.byteLength / step;
  const map = new Uint8Array(pages);
  // A zero page of the guard can be read, but it is not the file's.
  const inObject = Math.min(pages, Math.ceil((objectEnd(mapping) - span.byteOffset) / step));
  const start = addressOf(mapping.pointer) + BigInt(span.byteOffset);
  for (let page = 0; page < inObject; page++) {
    const missing = firstMissing(start, page, inObject, step);
    map.fill(1, page, missing);
    page = missing;
  }
  return map;
}

/** The end of the object, counted from the mapping's beginning. */
function objectEnd({ request }: Mapping): number {
  if (request.object === undefined) return Infinity;
  const { type, byteLength } = system().objects.status(request.object);
  return type === "file" ? byteLength - request.fileOffset : Infinity;
}
