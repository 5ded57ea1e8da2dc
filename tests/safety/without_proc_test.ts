/** A system without /proc, as in some sandboxes. */

import { withTempDir } from "../_files.ts";
import { assertRuns, IN_MOUNT_NAMESPACE, NO_NAMESPACES } from "../_program.ts";

Deno.test({
  name: "MmapRegion.repair() and resize() heal without /proc, and stats() says that it is missing" +
    (NO_NAMESPACES === "" ? "" : ` (${NO_NAMESPACES})`),
  ignore: NO_NAMESPACES !== "",
  fn: () =>
    withTempDir(async (dir) => {
      await assertRuns(new URL("_without_proc.ts", import.meta.url), {
        args: [dir],
        prefix: IN_MOUNT_NAMESPACE,
      });
    }),
});
