/** Making files: where the program may not write, there is none even for a moment. */

import { cString } from "../../ffi/arguments.ts";
import { checkCount, retryInterrupted } from "../../ffi/call.ts";
import { O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_PATH } from "../../ffi/constants.ts";
import { close, open } from "../../ffi/file_calls.ts";
import { libc } from "../../ffi/libc.ts";
import { readLink } from "../../ffi/proc.ts";
import { checkEntryDenied } from "./permission.ts";

/**
 * Makes a file, in a folder that was looked at first.
 *
 * @throws {Deno.errors.AlreadyExists} EEXIST, also for a symbolic link that leads nowhere.
 * @throws {Deno.errors.NotCapable} If the program runs with that file denied.
 */
export function createFile(path: string, flags: number, mode: number): number {
  const create = flags | O_CREAT | O_EXCL;
  const [folderPath, name] = split(path);
  // Not the name of a file, as the error tells; or a system where permissions are not looked after.
  if (["", ".", ".."].includes(name) || O_PATH === undefined) {
    return retryInterrupted(() => open(path, create, mode));
  }
  const folder = openFolder(folderPath, path);
  try {
    checkEntryDenied(folder, name);
    const entry = cString(name, "pathname", "open");
    return retryInterrupted(() =>
      checkCount(libc().openat(folder, entry, create, mode), "open", path)
    );
  } finally {
    close(folder);
  }
}

/**
 * The look alone, for what is made by other means. Silent where there is no such folder, in which
 * nothing can be made.
 *
 * @throws {Deno.errors.NotCapable} If the program runs with what stands at the path denied.
 */
export function checkPlaceDenied(path: string): void {
  const [folderPath, name] = split(path);
  const folder = unless(Deno.errors.NotFound, () => openFolder(folderPath, path));
  if (folder === undefined) return;
  try {
    checkEntryDenied(folder, name);
  } finally {
    close(folder);
  }
}

function split(path: string): [folder: string, name: string] {
  const slash = path.lastIndexOf("/") + 1;
  return [path.slice(0, slash) || ".", path.slice(slash)];
}

/** @param path what an error is about */
function openFolder(folder: string, path: string): number {
  const bytes = cString(folder, "pathname", "open");
  return checkCount(libc().open(bytes, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "open", path);
}

/** Where a symbolic link leads; undefined if it is none. */
export function linkedFrom(path: string): string | undefined {
  const target = unless(Error, () => readLink(path));
  if (target === undefined || target.startsWith("/")) return target;
  return path.slice(0, path.lastIndexOf("/") + 1) + target;
}

/** What a call gives; undefined where it throws an error of that class. */
export function unless<T>(expected: new (message: string) => Error, call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof expected) return undefined;
    throw error;
  }
}
