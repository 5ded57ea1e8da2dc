/**
 * Sharing a region with another process: its handle, the environment that carries it, and
 * attaching.
 */

import { formatHandle, makeHandle, parseHandle, type RegionHandle } from "../object/handle.ts";
import { system } from "../os/mod.ts";
import type { RegionBacking } from "./backing.ts";
import { attachRegion } from "./make.ts";
import type { MapOptions } from "./options.ts";
import { planAttach } from "./plan.ts";

/** The default environment variable of `env` and `fromEnv`. */
export const DEFAULT_VARIABLE = "MMAP_REGION";

/** `MmapRegion.handle` @throws {Deno.errors.NotSupported} If the region cannot be shared. */
export function handleOf(backing: RegionBacking): RegionHandle {
  backing.live("make handle");
  const { kind, object, byteOffset, grant, name } = backing.attributes;
  const obstacle = obstacleTo(backing);
  if (obstacle !== undefined || object === undefined) {
    throw new Deno.errors.NotSupported(`Cannot make handle: ${obstacle}`);
  }
  const path = kind === "file" ? system().objects.pathOf(object) : name;
  return makeHandle(
    { kind, access: grant, byteOffset, byteLength: backing.byteLength },
    object,
    path,
  );
}

/** `MmapRegion.toJSON` */
export function handleOrNull(backing: RegionBacking): RegionHandle | null {
  return backing.closed || obstacleTo(backing) !== undefined ? null : handleOf(backing);
}

/** Why the region cannot be shared with another process; undefined if it can. */
function obstacleTo({ attributes: { object } }: RegionBacking): string | undefined {
  if (object === undefined) {
    return `private memory cannot be reached by others; use sharing "shared"`;
  }
  if (system().objects.status(object).type === "file") return undefined;
  return "it maps a device, and a second mapping of it may be other memory";
}

/** `MmapRegion.env` */
export function environmentOf(backing: RegionBacking, variable: string): Record<string, string> {
  return { [variable]: formatHandle(handleOf(backing)) };
}

/** The handle in the environment. @throws {Deno.errors.NotFound} If the variable is not set. */
export function handleFrom(variable: string): string {
  const handle = system().processes.variable(variable);
  if (handle !== undefined) return handle;
  throw new Deno.errors.NotFound(
    `Cannot attach to region: the environment variable "${variable}" is not set`,
  );
}

/** `MmapRegion.attach` */
export function attachTo(handle: RegionHandle | string, options: MapOptions): RegionBacking {
  const parsed = parseHandle(handle);
  return attachRegion(parsed, planAttach(options, parsed.access));
}
