/**
 * Refuses what Deno's permissions deny.
 *
 * The system opens any file that the user may open. If the program was started with `--deny-read`
 * or `--deny-write` for a path, this module refuses it as Deno itself does.
 */

import { system } from "../os/mod.ts";
import type { OpenObject } from "../os/system.ts";

/**
 * @returns whether other paths may be denied, so that the object behind this one has to be checked
 * too: asking Deno costs as much as a system call
 * @throws {Deno.errors.NotCapable} If reading the path, or writing it where `writable` says so, is
 * denied.
 */
export function checkDenied(path: string, writable: boolean): boolean {
  const names = someDenied(writable);
  refuse(names, [path]);
  return names.length > 0;
}

/**
 * As {@linkcode checkDenied}, for the file that an open object really is: symbolic links and ".."
 * are resolved. Memory without a path cannot be denied.
 */
export function checkObjectDenied(object: OpenObject, writable: boolean): void {
  const names = someDenied(writable);
  if (names.length > 0) refuse(names, system().objects.pathsOf(object));
}

/**
 * As {@linkcode checkDenied}, for something that is created at a path by other means than opening a
 * file. Silent if there is no such folder, in which nothing can be created.
 */
export function checkEntryDenied(path: string): void {
  const names = someDenied(true);
  if (names.length === 0) return;
  const entry = system().objects.pathOfEntry(path);
  if (entry !== undefined) refuse(names, [entry]);
}

/** The check of the path of a file to create; undefined if no path is denied. */
export function makingAllowed(): ((path: string) => void) | undefined {
  const names = someDenied(true);
  return names.length === 0 ? undefined : (path) => refuse(names, [path]);
}

type Permission = "read" | "write";

/** The permissions that are needed and may be denied for some path. */
function someDenied(writable: boolean): Permission[] {
  system(); // first, since it throws where there are no permissions to ask for: elsewhere than in Deno
  const needed: Permission[] = writable ? ["read", "write"] : ["read"];
  return needed.filter((name) => {
    const { state, partial } = Deno.permissions.querySync({ name });
    return state !== "granted" || partial;
  });
}

function refuse(names: readonly Permission[], paths: readonly string[]): void {
  for (const name of names) {
    for (const path of paths) {
      if (path === "") continue; // the system will report this path; Deno's query does not take it
      if (Deno.permissions.querySync({ name, path }).state !== "denied") continue;
      throw new Deno.errors.NotCapable(
        `Requires ${name} access to "${path}", run again without the --deny-${name} flag`,
      );
    }
  }
}
