/** Named shared memory: its names, and who may use it. */

import { text } from "../check/options.ts";
import { system } from "../os/mod.ts";
import type { NamedSystem, NewObject, OpenObject, SharedMemoryInfo } from "../os/system.ts";
import { checkDenied } from "./permission.ts";

/**
 * A name without its leading "/".
 *
 * @throws {TypeError} If it is not a valid name: it is empty or "..", or has a "/" or a NUL inside.
 * @throws {RangeError} If it is longer than the system allows.
 */
export function nameOf(name: string): string {
  const action = "use shared memory";
  const { nameLimit, reservedPrefix } = system().named;
  const given = text(name, "its name", action);
  const bare = given.startsWith("/") ? given.slice(1) : given;
  if (bare === "" || bare === "." || bare === ".." || /[/\0]/.test(bare)) {
    throw new TypeError(`Cannot ${action} as this is not a valid name: received "${name}"`);
  }
  if (reservedPrefix !== undefined && bare.startsWith(reservedPrefix)) {
    throw new TypeError(
      `Cannot ${action} as names that begin with "${reservedPrefix}" are reserved`,
    );
  }
  if (new TextEncoder().encode(bare).length > nameLimit) {
    throw new RangeError(`Cannot ${action} as its name must be at most ${nameLimit} bytes long`);
  }
  return bare;
}

/** The path of an object of that name; the name if it has no path. */
export function pathOfName(name: string): string {
  return system().named.pathOf(name) ?? name;
}

/** The system's named memory, if this program may use that name. */
function allowed(name: string, writable: boolean): NamedSystem {
  const { named } = system();
  const path = named.pathOf(name);
  if (path !== undefined) checkDenied(path, writable);
  return named;
}

/** Opens an existing object. @throws {Deno.errors.NotFound} If no object has that name. */
export function openNamed(name: string, writable: boolean): OpenObject {
  return allowed(name, writable).open(name, writable);
}

/** Creates an object. @throws {Deno.errors.AlreadyExists} If an object has that name. */
export function createNamed(name: string, wanted: NewObject): OpenObject {
  return allowed(name, true).create(name, wanted);
}

/** Removes a name. @throws {Deno.errors.NotFound} If no object has it. */
export function unlinkNamed(name: string): void {
  allowed(name, true).unlink(name);
}

/** Lists all objects. @throws {Deno.errors.NotSupported} If the system has no list of them. */
export function listNamed(): SharedMemoryInfo[] {
  return listed("list").list!();
}

/** Removes this module's objects whose owners are all dead. @returns their names */
export function reapNamed(): string[] {
  return listed("reap").reap!();
}

function listed(need: "list" | "reap"): NamedSystem {
  const { name, named } = system();
  if (named[need] === undefined) {
    throw new Deno.errors.NotSupported(`Cannot list shared memory: ${name} has no list of it`);
  }
  if (named.directory !== undefined) checkDenied(named.directory, false);
  return named;
}
