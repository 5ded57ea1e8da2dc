/** A process that writes until it is killed: see `_life.ts`. */

import { MmapRegion } from "@mmap/mmap";
import { live } from "./_life.ts";

live(Deno.args[0]!, MmapRegion.fromEnv());
