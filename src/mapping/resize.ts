/** Growing and shrinking a mapping. */

import { system } from "../os/mod.ts";
import type { Mapping } from "./mapping.ts";
import { restoreMapping } from "./repair.ts";

/**
 * Gives a mapping another length, at another address if necessary. An object that gets longer must
 * have its new size already. Every page gets the mapping's own protection again.
 *
 * @param cut makes the object shorter; called when no view is left, since it cannot be undone
 * @throws the system error; the mapping is then unchanged, but its views may be detached
 */
export function resizeMapping(mapping: Mapping, byteLength: number, cut: () => void): void {
  const resize = system().memory.resize(mapping.placed, mapping.request, byteLength);
  try {
    mapping.move(byteLength, (used) => {
      // With one protection it is one mapping again, as the system requires.
      restoreMapping(mapping);
      return resize.finish(used, cut);
    });
  } catch (error) {
    resize.cancel();
    throw error;
  }
}
