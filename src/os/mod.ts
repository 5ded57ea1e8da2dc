/** Picks the operating system at hand. */

import { BUILD, platform } from "../../ffi/platform.ts";
import { darwin } from "./darwin/mod.ts";
import { linux } from "./linux/mod.ts";
import type { System } from "./system.ts";
import { windows } from "./windows/mod.ts";

export { isSystemError } from "../../ffi/call.ts";

/** Whether every processor sees another one's stores in the order in which they were made. */
export const STORES_IN_ORDER: boolean = BUILD.arch === "x86_64";

let present: System | undefined;

/**
 * The system that this process runs on.
 *
 * @throws {Deno.errors.NotSupported} If this module does not know it.
 */
export function system(): System {
  return present ??= systemHere();
}

/**
 * All are imported, though one is used: who imported one only where it is needed would have to await it,
 * and a Worker loses what is posted to it while its modules await something.
 */
function systemHere(): System {
  switch (BUILD.os) {
    case "darwin":
      return darwin;
    case "windows":
      return windows;
    default:
      platform(); // throws if this is another one
      return linux;
  }
}

/** Replaces the system, for tests. @returns a function that restores the previous one */
export function replaceSystem(replacement: System): () => void {
  const real = system();
  present = replacement;
  return () => {
    present = real;
  };
}
