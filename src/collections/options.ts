/** The common options of all collections. */

import { checkOptions, choice, flag, type Names } from "../check/options.ts";

/** Options of `commit`, of every collection. */
export interface CommitOptions {
  /**
   * - "memory": starts to write. A crash of the process loses nothing in any case.
   * - "disk": waits until everything is on the disk (`fsync`), so that a crash of the machine loses
   *   nothing.
   *
   * @default {"disk"}
   */
  durability?: "memory" | "disk";
}

/** Whether to create a collection, and with which access; undefined if not given. */
interface Opening {
  readonly create: boolean;
  readonly access: "read" | "read-write" | undefined;
}

/**
 * @param names the options of the collection
 * @throws {TypeError} If an option is unknown or of another type, or `create` is given with access
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

/** @throws {TypeError} If an option is unknown or of another type. */
export function durabilityOf(options: CommitOptions, action: string): "memory" | "disk" {
  checkOptions(options, COMMIT, action);
  return choice(options.durability, ["memory", "disk"], "durability", action) ?? "disk";
}
