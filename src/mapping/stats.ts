/** What the system reports about a mapping's memory. */

import { system } from "../os/mod.ts";
import type { RegionStats } from "../os/system.ts";
import type { Mapping } from "./mapping.ts";

/** @throws {Deno.errors.NotSupported} If the system does not report it, such as without /proc. */
export function statsOf({ range }: Mapping): RegionStats {
  const { memory, name } = system();
  if (memory.usage !== undefined) return memory.usage(range);
  throw new Deno.errors.NotSupported(`Cannot read statistics: ${name} does not report them`);
}
