/** A region on its way to another process: its handle, the environment that carries it, and back. */

import { getenv } from "../../ffi/environment.ts";
import { statusOf } from "../../ffi/status.ts";
import {
  formatHandle,
  makeHandle,
  parseHandle,
  pathOfDescriptor,
  type RegionHandle,
} from "../object/handle.ts";
import type { RegionCore } from "./core.ts";
import { attachRegion } from "./make.ts";
import type { MapOptions } from "./options.ts";
import { planAttach } from "./plan.ts";

/** The environment variable of `env` and `fromEnv` if none is named. */
export const DEFAULT_VARIABLE = "MMAP_REGION";

/** `MmapRegion.handle` @throws {Deno.errors.NotSupported} If there is none. */
export function handleOf(core: RegionCore): RegionHandle {
  core.live("make handle");
  const obstacle = obstacleTo(core);
  if (obstacle !== undefined) {
    throw new Deno.errors.NotSupported(`Cannot make handle: ${obstacle}`);
  }
  const { kind, fd, byteOffset, grant, name } = core.facts;
  const path = kind === "file" ? pathOfDescriptor(fd) : name;
  return makeHandle({ kind, access: grant, byteOffset, byteLength: core.byteLength }, fd, path);
}

/** `MmapRegion.toJSON` */
export function handleOrNull(core: RegionCore): RegionHandle | null {
  return core.closed || obstacleTo(core) !== undefined ? null : handleOf(core);
}

/** Why no other process can be given the region; undefined if it can. */
function obstacleTo({ facts: { fd } }: RegionCore): string | undefined {
  if (fd === -1) {
    return `private memory cannot be reached by others; use sharing "shared"`;
  }
  if (statusOf(fd).type === "file") return undefined;
  return "it is a mapping of a device, and another one of it is other memory";
}

/** `MmapRegion.env` */
export function environmentOf(core: RegionCore, variable: string): Record<string, string> {
  return { [variable]: formatHandle(handleOf(core)) };
}

/** What a parent process put into the environment. @throws {Deno.errors.NotFound} If nothing. */
export function handleFrom(variable: string): string {
  const handle = getenv(variable);
  if (handle !== undefined) return handle;
  throw new Deno.errors.NotFound(
    `Cannot attach to region: the environment variable "${variable}" is not set`,
  );
}

/** `MmapRegion.attach` */
export function attachTo(handle: RegionHandle | string, options: MapOptions): RegionCore {
  const parsed = parseHandle(handle);
  return attachRegion(parsed, planAttach(options, parsed.access));
}
