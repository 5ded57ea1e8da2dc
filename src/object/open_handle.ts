/** Opens the object that a handle names, and no other. */

import { system } from "../os/mod.ts";
import type { ObjectStatus, OpenedObject, OpenObject } from "../os/system.ts";
import { isObjectOf, type RegionHandle } from "./handle.ts";
import { unless } from "./open_file.ts";
import { checkObjectDenied } from "./permission.ts";
import { nameOf } from "./shared_memory.ts";

/**
 * Opens a handle's object: a file by its path, anything else through the owner's descriptor.
 *
 * @returns that object and no other
 * @throws {Deno.errors.NotFound} If the object is gone: its owner has ended or closed it, the path
 * leads to another file, or the machine was rebooted.
 * @throws {Deno.errors.NotSupported} If its owner is in another PID namespace, and no path leads to it.
 * @throws {Deno.errors.PermissionDenied} If /proc does not show its owner (hidepid), or this user has
 * no right to the object.
 * @throws {Deno.errors.NotCapable} If the program runs with that file denied.
 * @throws {RangeError} If the object has become shorter than the region was.
 */
export function openHandle(handle: RegionHandle, writable: boolean): OpenObject {
  const { objects } = system();
  const { object, status } = openByPath(handle, writable) ?? openByOwner(handle, writable);
  try {
    if (!objects.isPathless(status)) checkObjectDenied(object, writable);
    checkSize(handle, status);
    return object;
  } catch (error) {
    objects.close(object);
    throw error;
  }
}

/** Undefined if there is no path, or it does not lead to the object. */
function openByPath(handle: RegionHandle, writable: boolean): OpenedObject | undefined {
  if (handle.path === "" || handle.kind === "anonymous") return undefined;
  const { objects, named } = system();
  const name = handle.kind === "named" ? nameOf(handle.path) : undefined;
  const path = name === undefined ? handle.path : named.pathOf(name);
  const object = path === undefined
    ? unless(Deno.errors.NotFound, () => named.open(name!, writable))
    : objects.openIfThere(path, { writable });
  if (object === undefined) return undefined;
  const status = objects.status(object);
  if (isObjectOf(handle, status)) return { object, status };
  objects.close(object);
  return undefined;
}

function openByOwner(handle: RegionHandle, writable: boolean): OpenedObject {
  const { name, objects } = system();
  if (objects.openOfProcess === undefined) {
    throw new Deno.errors.NotSupported(
      `Cannot attach to region: ${name} has no way to open another process's descriptor`,
    );
  }
  return objects.openOfProcess(handle, (status) => isObjectOf(handle, status), writable);
}

/** @throws {RangeError} If the object is shorter than the region was. */
export function checkSize({ byteOffset, byteLength }: RegionHandle, status: ObjectStatus): void {
  if (status.type !== "file" || byteOffset + byteLength <= status.byteLength) return;
  throw new RangeError(
    `Cannot attach to region as its object has become shorter: ` +
      `it has ${status.byteLength} bytes, and the region ends at ${byteOffset + byteLength}`,
  );
}
