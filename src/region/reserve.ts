/** Memory that is there: what this module keeps in a region must not lie in a hole of its object. */

import { fillHoles } from "../object/holes.ts";
import type { RegionCore } from "./core.ts";

/**
 * Reserves what a range of a region lacks. A region that cannot be written to lacks nothing: holes are
 * read as zeros.
 *
 * @throws as `fillHoles` does
 * @throws {Deno.errors.BadResource} If the region is closed.
 */
export function reserve(core: RegionCore, byteOffset = 0, byteLength = core.byteLength): void {
  const { fd, access, byteOffset: start } = core.facts;
  const { subject } = core.live("reserve memory").request;
  const end = byteOffset + byteLength;
  if (end <= core.filled || fd === -1 || access !== "read-write") return;
  fillHoles(fd, start + byteOffset, start + end, subject);
  if (byteOffset <= core.filled) core.filled = end;
}
