/** One thing that a sequence can do. */

import type { World } from "./world.ts";

export interface Operation {
  readonly name: string;
  /** The public members of `MmapRegion` that it calls, as `member` or `static member`. */
  readonly covers: readonly string[];
  /** How often it comes, compared with others. */
  readonly weight: number;
  run(world: World): void | Promise<void>;
}
