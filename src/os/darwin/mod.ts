/** macOS. */

import { onceLoaded, posixBytes } from "../posix/bytes.ts";
import { posixMemory } from "../posix/memory.ts";
import type { System } from "../system.ts";

const bytes = onceLoaded(posixBytes);

/** It has no list of a process's pages that could be read, and keeps what pages held that it drops. */
export const darwin: System = {
  name: "darwin",
  memory: posixMemory,
  get bytes() {
    return bytes();
  },
};
