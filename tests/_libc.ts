/** Libraries of C that lack a call, or whose calls fail: for the rooms that call them. */

import { libc } from "../ffi/libc.ts";
import type { Libc } from "../ffi/symbols.ts";
import { patch, withPatch } from "./_patch.ts";

/** Puts other functions in the loaded library's table. @returns what puts the real ones back */
export function patchLibc(replacement: Partial<Libc>): () => void {
  return patch(libc(), replacement);
}

/** Runs `body` with other functions in the table. */
export function withLibc(
  replacement: Partial<Libc>,
  body: () => void | Promise<void>,
): Promise<void> {
  return withPatch(libc(), replacement, body);
}
