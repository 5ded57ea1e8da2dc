/** The memory verbs of every system that has `mmap`. */

import { pageSize } from "../../../ffi/page_size.ts";
import type { MemorySystem } from "../system.ts";
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
