/** The memory verbs and byte functions of every system that has `mmap`. */

import { pageSize } from "../../../ffi/file_calls.ts";
import { libc } from "../../../ffi/libc.ts";
import { pairFinder } from "../../../ffi/search/find.ts";
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

/** libc's functions for bytes, passed on unwrapped, so that V8 calls them directly. */
export function posixBytes({ memchr, memmem, memcmp, memcpy }: Libc): ByteSystem {
  return { findByte: memchr, find: memmem, compare: memcmp, copy: memcpy, pairFinder };
}

/** Makes a system's `bytes` when libc is loaded. */
export function onceLoaded(make: (symbols: Libc) => ByteSystem): () => ByteSystem {
  let known: { readonly symbols: Libc; readonly bytes: ByteSystem } | undefined;
  return () => {
    const symbols = libc();
    if (known?.symbols !== symbols) known = { symbols, bytes: make(symbols) };
    return known.bytes;
  };
}
