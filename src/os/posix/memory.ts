/** The memory of every system that has `mmap`, and the bytes there. */

import { pageSize } from "../../../ffi/file_calls.ts";
import { libc } from "../../../ffi/libc.ts";
import type { Libc } from "../../../ffi/symbols.ts";
import type { ByteSystem, MemorySystem } from "../system.ts";
import { advise, populate, populateOffThread } from "./advice.ts";
import { copy, zero } from "./copy.ts";
import { foreignSpans, isAnonymous, isForeign, isPrivate } from "./foreign.ts";
import { flush, flushOffThread, lock, protect, residency, unlock } from "./pages.ts";
import { place } from "./placement.ts";
import { checkFlags, map, replace, replaceByZeros, unmap } from "./ranges.ts";
import { resize } from "./resize.ts";

export const posixMemory: MemorySystem = {
  pageSize,
  checkFlags,
  map: (request) => map(request),
  place,
  replace,
  replaceByZeros,
  unmap,
  resize,
  foreignSpans,
  isForeign,
  isAnonymous,
  isPrivate,
  protect,
  advise,
  populate,
  populateOffThread,
  lock,
  unlock,
  flush,
  flushOffThread,
  residency,
  copy,
  zero,
};

/** libc's functions for bytes, given as they are, since V8 calls them directly then. */
export function posixBytes({ memchr, memmem, memcmp, memcpy }: Libc): ByteSystem {
  return { findByte: memchr, find: memmem, compare: memcmp, copy: memcpy };
}

/** Makes them once libc is there: a system's `bytes`. */
export function onceLoaded(make: (symbols: Libc) => ByteSystem): () => ByteSystem {
  let known: { readonly symbols: Libc; readonly bytes: ByteSystem } | undefined;
  return () => {
    const symbols = libc();
    if (known?.symbols !== symbols) known = { symbols, bytes: make(symbols) };
    return known.bytes;
  };
}
