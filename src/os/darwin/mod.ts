/** macOS. */

import { posixMemory } from "../posix/memory.ts";
import type { System } from "../system.ts";

/** It has no list of a process's pages that could be read, and keeps what pages held that it drops. */
export const darwin: System = { name: "darwin", memory: posixMemory };
