/** Libraries of C that lack a call, or whose calls fail: for the rooms that call them. */

import { libc } from "../ffi/libc.ts";
import type { Libc } from "../ffi/symbols.ts";

/** Puts other functions in the loaded library's table. @returns what puts the real ones back */
export function patchLibc(replacement: Partial<Libc>): () => void {
  const table = libc();
  const names = Object.keys(replacement) as (keyof Libc)[];
  const real = Object.fromEntries(names.map((name) => [name, table[name]]));
  Object.assign(table, replacement);
  return () => void Object.assign(table, real);
}

/** Runs `body` with other functions in the table. */
export async function withLibc(
  replacement: Partial<Libc>,
  body: () => void | Promise<void>,
): Promise<void> {
  const restore = patchLibc(replacement);
  try {
    await body();
  } finally {
    restore();
  }
}
