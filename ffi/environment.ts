/** The environment as libc sees it, so that `--allow-ffi` is enough to read it. */

import { cString } from "./arguments.ts";
import { libc } from "./libc.ts";

/** The value of an environment variable; undefined if it is not set. */
export function getenv(name: string): string | undefined {
  const value = libc().getenv(cString(name, "name", "getenv"));
  return value === null ? undefined : new Deno.UnsafePointerView(value).getCString();
}
