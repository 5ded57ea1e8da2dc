/** Picks the operating system at hand. */

import { platform } from "../../ffi/platform.ts";
import { linux } from "./linux/mod.ts";
import type { System } from "./system.ts";

export { isSystemError } from "../../ffi/call.ts";

/** Whether every processor sees another one's stores in the order in which they were made. */
export const STORES_IN_ORDER: boolean = Deno.build.arch === "x86_64";

/** Loaded where it is needed alone: other systems pay nothing for it. */
const darwin = Deno.build.os === "darwin" ? (await import("./darwin/mod.ts")).darwin : undefined;

let present: System | undefined;

/**
 * The system that this process runs on.
 *
 * @throws {Deno.errors.NotSupported} If this module does not know it.
 */
export function system(): System {
  return present ??= platform().os === "darwin" ? darwin! : linux;
}

/** Replaces the system, for tests. @returns a function that restores the previous one */
export function replaceSystem(replacement: System): () => void {
  const real = system();
  present = replacement;
  return () => {
    present = real;
  };
}
