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
  refuseDenied("read", path);
  if (writable) refuseDenied("write", path);
}

/**
 * As {@linkcode checkDenied}, for the file that a descriptor really leads to: symbolic links, "..",
 * and /proc/self/fd are resolved. Memory that has no path is nobody's to deny.
 */
export function checkDescriptorDenied(fd: number, writable: boolean): void {
  if (platform().os !== "linux") return;
  const target = readLink(`/proc/self/fd/${fd}`);
  if (!target.startsWith("/") || target.startsWith("/memfd:")) return;
  checkDenied(target.replace(/ \(deleted\)$/, ""), writable);
}

function refuseDenied(name: "read" | "write", path: string): void {
  if (Deno.permissions.querySync({ name, path }).state !== "denied") return;
  throw new Deno.errors.NotCapable(
    `Requires ${name} access to "${path}", run again without the --deny-${name} flag`,
  );
}
