/** Handles in the environment. */

import { system } from "../os/mod.ts";
import { MmapRegion } from "../region/mmap_region.ts";

/** The default environment variable of a channel. */
export const DEFAULT_VARIABLE = "MMAP_CHANNEL";

/** @throws {Deno.errors.NotFound} If the variable is not set. */
export function regionFromEnv(variable: string, name: string): MmapRegion {
  return MmapRegion.attach(handleFrom(variable, name));
}

/** @throws {Deno.errors.NotFound} If the variable is not set. */
export function handleFrom(variable: string, name: string): string {
  const handle = system().processes.variable(variable);
  if (handle !== undefined) return handle;
  throw new Deno.errors.NotFound(
    `Cannot attach to ${name}: the environment variable "${variable}" is not set`,
  );
}
