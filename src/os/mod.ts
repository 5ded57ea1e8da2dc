/** Picks the operating system at hand. */

import { platform } from "../../ffi/platform.ts";
import { darwin } from "./darwin/mod.ts";
import { linux } from "./linux/mod.ts";
import type { System } from "./system.ts";

export { isSystemError } from "../../ffi/call.ts";

let present: System | undefined;

/**
 * The system that this process runs on.
 *
 * @throws {Deno.errors.NotSupported} If this module does not know it.
 */
export function system(): System {
  return present ??= platform().os === "darwin" ? darwin : linux;
}
