/** libc's functions for bytes, passed on unwrapped, so that V8 calls them directly. */

import { libc } from "../../../ffi/libc.ts";
import type { Libc } from "../../../ffi/symbols.ts";
import type { ByteSystem } from "../system.ts";

/** The functions that every libc has. */
export function posixBytes({ memchr, memmem, memcmp, memcpy }: Libc): ByteSystem {
  return { findByte: memchr, find: memmem, compare: memcmp, copy: memcpy };
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
