/**
 * Reserving storage: data that this module keeps in a region must not lie in a hole of its object.
 */

import { system } from "../os/mod.ts";
import type { RegionBacking } from "./backing.ts";

/**
 * Reserves the missing storage of a range of a region. A read-only region needs none: holes are
 * read as zeros.
 *
 * @throws the system's error, such as ENOSPC, EDQUOT
 * @throws {Deno.errors.NotSupported} If the object has holes that its file system cannot fill.
 * @throws {Deno.errors.BadResource} If the region is closed.
 */
export function reserve(
  backing: RegionBacking,
  byteOffset = 0,
  byteLength = backing.byteLength,
): void {
  const { object, access, byteOffset: start } = backing.attributes;
  const { subject } = backing.live("reserve memory").request;
  const end = byteOffset + byteLength;
  if (end <= backing.filled || object === undefined || access !== "read-write") return;
  system().objects.fillHoles(object, start + byteOffset, start + end, subject);
  if (byteOffset <= backing.filled) backing.filled = end;
}
