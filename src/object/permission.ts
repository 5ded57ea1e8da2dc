/**
 * Deno's permissions, as far as they say no.
 *
 * The system would open any file that the user may open. Where the program was started with
 * `--deny-read` or `--deny-write` for a path, this module refuses it as Deno itself does.
 */

import { system } from "../os/mod.ts";
import type { OpenObject } from "../os/system.ts";

/**
 * @throws {Deno.errors.NotCapable} If reading the path, or writing it where `writable` says so, is
 * denied.
 */
export function checkDenied(path: string, writable: boolean): void {
  refuse(someDenied(writable), [path]);
}

/**
 * As {@linkcode checkDenied}, for the file that an open object really is: symbolic links and ".." are
 * resolved. Memory that has no path is nobody's to deny.
 */
export function checkObjectDenied(object: OpenObject, writable: boolean): void {
  const names = someDenied(writable);
  if (names.length > 0) refuse(names, system().objects.pathsOf(object));
}

/**
 * As {@linkcode checkDenied}, for what is to be made at a path by other means than by opening it. Silent
 * where there is no such folder, in which nothing can be made.
 */
export function checkEntryDenied(path: string): void {
  const names = someDenied(true);
  if (names.length === 0) return;
  const entry = system().objects.pathOfEntry(path);
  if (entry !== undefined) refuse(names, [entry]);
}

/** What to ask about the path of a file that is to be made; undefined if it may be any. */
export function makingAllowed(): ((path: string) => void) | undefined {
  const names = someDenied(true);
  return names.length === 0 ? undefined : (path) => refuse(names, [path]);
}

type Permission = "read" | "write";

/** Those of the permissions needed that may be denied for some path. */
function someDenied(writable: boolean): Permission[] {
  const needed: Permission[] = writable ? ["read", "write"] : ["read"];
  return needed.filter((name) => {
    const { state, partial } = Deno.permissions.querySync({ name });
    return state !== "granted" || partial;
  });
}

function refuse(names: readonly Permission[], paths: readonly string[]): void {
  for (const name of names) {
    for (const path of paths) {
      if (path === "") continue; // it leads nowhere, as the system will tell; Deno takes no such path
      if (Deno.permissions.querySync({ name, path }).state !== "denied") continue;
      throw new Deno.errors.NotCapable(
        `Requires ${name} access to "${path}", run again without the --deny-${name} flag`,
      );
    }
  }
}
