/** Linux's objects: files, memfds, and what other processes have open. */

import { readLink } from "../../../ffi/proc.ts";
import type { ObjectSystem, OpenObject } from "../object_system.ts";
import { posixObjects } from "../posix/objects.ts";
import { anonymous, checkGuardable, checkMayShrink, isPathless, seal } from "./anonymous.ts";
import { openOfProcess } from "./other_process.ts";

export const objects: ObjectSystem = {
  ...posixObjects,
  anonymous,
  checkGuardable,
  checkMayShrink,
  isPathless,
  openOfProcess,
  pathOf,
  pathsOf,
  seal,
};

function pathOf(object: OpenObject): string {
  return readLink(`/proc/self/fd/${object}`);
}

function pathsOf(object: OpenObject): readonly string[] {
  const target = pathOf(object);
  if (!target.startsWith("/") || target.startsWith("/memfd:")) return [];
  // The file was removed, or its name really ends like that.
  const path = target.replace(/ \(deleted\)$/, "");
  return path === target ? [target] : [target, path];
}
