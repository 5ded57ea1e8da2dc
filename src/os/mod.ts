/** Picks the operating system at hand. */

import { BUILD, platform } from "../../ffi/platform.ts";
import { linux } from "./linux/mod.ts";
import type { System } from "./system.ts";

export { isSystemError } from "../../ffi/call.ts";

/** Whether every processor sees another one's stores in the order in which they were made. */
export const STORES_IN_ORDER: boolean = BUILD.arch === "x86_64";

/** Others than Linux are loaded where they are needed alone: it pays nothing for them. */
const other: System | undefined = await loadOther();

async function loadOther(): Promise<System | undefined> {
  switch (BUILD.os) {
    case "darwin":
      return (await import("./darwin/mod.ts")).darwin;
    case "windows":
      return (await import("./windows/mod.ts")).windows;
    default:
      return undefined;
  }
}

let present: System | undefined;

/**
 * The system that this process runs on.
 *
 * @throws {Deno.errors.NotSupported} If this module does not know it.
 */
export function system(): System {
  return present ??= other ?? linuxHere();
}

/** Linux, unless this is a system that the module does not know. */
function linuxHere(): System {
  platform();
  return linux;
}

/** Replaces the system, for tests. @returns a function that restores the previous one */
export function replaceSystem(replacement: System): () => void {
  const real = system();
  present = replacement;
  return () => {
    present = real;
  };
}
