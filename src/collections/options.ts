/** What the options of all collections have in common. */

import { checkOptions, choice, flag, type Names } from "../check/options.ts";

/** Options of `commit`, of every collection. */
export interface CommitOptions {
  /**
   * - "memory": begins to write; a crash of the process loses nothing in any case.
   * - "disk": waits until the disk has it all (`fsync`), so that a crash of the machine loses nothing.
   *
   * @default {"disk"}
   */
  durability?: "memory" | "disk";
}

/** Whether to make a collection, and what may be done with it; undefined where it was not said. */
interface Opening {
  readonly create: boolean;
  readonly access: "read" | "read-write" | undefined;
}

/**
 * @param names what the collection's options are
 * @throws {TypeError} If there is no such option, or one is of another type, or `create` is given with access
 * "read".
 */
export function openingOf<T extends { create?: boolean; access?: "read" | "read-write" }>(
  options: T,
  names: Names<T>,
  action: string,
): Opening {
  checkOptions(options, names, action);
  const create = flag(options.create, "create", action, false);
  const access = choice(options.access, ["read", "read-write"], "access", action);
  if (!create || access !== "read") return { create, access };
  throw new TypeError(`Cannot ${action} as create needs access "read-write": received "read"`);
}

const COMMIT: Names<CommitOptions> = { durability: true };

/** @throws {TypeError} If there is no such option, or one is of another type. */
export function durabilityOf(options: CommitOptions, action: string): "memory" | "disk" {
  checkOptions(options, COMMIT, action);
  return choice(options.durability, ["memory", "disk"], "durability", action) ?? "disk";
}
