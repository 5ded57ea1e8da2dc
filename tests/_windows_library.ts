/** A library of Windows whose calls fail, or come at a moment that a test chooses. */

import { type Windows, windows } from "../ffi/windows/library.ts";

/** Puts other functions in the loaded library's table. @returns what puts the real ones back */
export function patchWindows(replacement: Partial<Windows>): () => void {
  const real = { ...windows() };
  Object.assign(windows(), replacement);
  return () => void Object.assign(windows(), real);
}
