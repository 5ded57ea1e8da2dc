/** libc's functions for bytes, given as they are, since V8 calls them directly then. */

import { libc } from "../../../ffi/libc.ts";
import type { Libc } from "../../../ffi/symbols.ts";
import type { ByteSystem } from "../system.ts";

/** Those that every libc has. */
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
