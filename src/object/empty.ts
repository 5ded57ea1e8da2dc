/** Whether an object is empty: an empty object cannot be mapped. */

import { system } from "../os/mod.ts";
import type { OpenObject } from "../os/system.ts";
import { openFile } from "./open_file.ts";
import { checkDenied } from "./permission.ts";
import { nameOf, openNamed } from "./shared_memory.ts";

/** Whether a file has no bytes. @throws the system error of `open` */
export function isEmptyFile(path: string): boolean {
  checkDenied(path, false);
  const how = { writable: false, create: false, createNew: false, mode: 0 };
  return isEmpty(openFile({ path, ...how }).object);
}

/** Whether a shared memory object has no bytes. @throws {Deno.errors.NotFound} ENOENT. */
export function isEmptyNamed(name: string): boolean {
  return isEmpty(openNamed(nameOf(name), false));
}

/** Whether the object is empty. This closes it. */
function isEmpty(object: OpenObject): boolean {
  const { objects } = system();
  try {
    const { type, byteLength } = objects.status(object);
    return type === "file" && byteLength === 0;
  } finally {
    objects.close(object);
  }
}
