/** What the options of all collections have in common. */

import { checkObject, choice, flag } from "../region/plan.ts";

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

/** @throws {TypeError} If an option is of another type, or `create` is given with access "read". */
export function openingOf(
  options: { create?: boolean; access?: "read" | "read-write" },
  action: string,
): Opening {
  checkObject(options, action);
  const create = flag(options.create, "create", action, false);
  const access = choice(options.access, ["read", "read-write"], "access", action);
  if (!create || access !== "read") return { create, access };
  throw new TypeError(`Cannot ${action} as create needs access "read-write": received "read"`);
}

/** @throws {TypeError} If an option is of another type. */
export function durabilityOf(options: CommitOptions, action: string): "memory" | "disk" {
  checkObject(options, action);
  return choice(options.durability, ["memory", "disk"], "durability", action) ?? "disk";
}
