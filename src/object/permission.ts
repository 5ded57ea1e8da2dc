/**
 * Deno's permissions, as far as they say no.
 *
 * libc would open any file that the user may open. Where the program was started with `--deny-read`
 * or `--deny-write` for a path, this module refuses it as Deno itself does.
 */

import { readLink } from "../../ffi/proc.ts";
import { platform } from "../../ffi/platform.ts";

/**
 * @throws {Deno.errors.NotCapable} If reading the path, or writing it where `writable` says so, is
 * denied.
 */
export function checkDenied(path: string, writable: boolean): void {
  for (const name of someDenied(writable)) refuseDenied(name, path);
}

/**
 * As {@linkcode checkDenied}, for the file that a descriptor really leads to: symbolic links, "..",
 * and /proc/self/fd are resolved. Memory that has no path is nobody's to deny.
 */
export function checkDescriptorDenied(fd: number, writable: boolean): void {
  const names = someDenied(writable);
  if (names.length === 0 || platform().os !== "linux") return;
  const target = readLink(`/proc/self/fd/${fd}`);
  if (!target.startsWith("/") || target.startsWith("/memfd:")) return;
  // A removed file, or one whose name ends like that.
  const paths = new Set([target, target.replace(/ \(deleted\)$/, "")]);
  for (const name of names) for (const path of paths) refuseDenied(name, path);
}

/**
 * As {@linkcode checkDenied}, for a file that is to be made: in the folder that a descriptor really
 * leads to.
 */
export function checkEntryDenied(folder: number, name: string): void {
  const names = someDenied(true);
  if (names.length === 0 || platform().os !== "linux") return;
  const path = `${readLink(`/proc/self/fd/${folder}`)}/${name}`;
  for (const each of names) refuseDenied(each, path);
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

function refuseDenied(name: Permission, path: string): void {
  if (path === "") return; // it leads nowhere, as the system will tell; Deno takes no such path
  if (Deno.permissions.querySync({ name, path }).state !== "denied") return;
  throw new Deno.errors.NotCapable(
    `Requires ${name} access to "${path}", run again without the --deny-${name} flag`,
  );
}
