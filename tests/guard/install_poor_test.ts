/** The guard comes on in a process that lacks what installing it could use. */

import { ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";
import { assertRuns, IN_MOUNT_NAMESPACE, NO_NAMESPACES } from "../_program.ts";

const PROGRAM = new URL("_install.ts", import.meta.url);

Deno.test(
  "the guard comes on where no descriptor is left at the first region",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      await assertRuns(PROGRAM, { args: ["descriptors", dir] });
    }),
);

Deno.test({
  name: "the guard comes on without /proc" + (NO_NAMESPACES === "" ? "" : ` (${NO_NAMESPACES})`),
  ignore: ignore || NO_NAMESPACES !== "",
  fn: () =>
    withTempDir(async (dir) => {
      await assertRuns(PROGRAM, { args: ["proc", dir], prefix: IN_MOUNT_NAMESPACE });
    }),
});
