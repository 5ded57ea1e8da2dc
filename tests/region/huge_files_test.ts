/** Files that are made of huge pages: their lengths are whole huge pages, whatever a region's is. */

import { linux } from "../_capabilities.ts";
import { withTempDir } from "../_files.ts";
import { assertRuns, IN_MOUNT_NAMESPACE, NO_NAMESPACES } from "../_program.ts";

const PROGRAM = new URL("_huge_files.ts", import.meta.url);

/** Why there are no huge pages here; "" if there are. */
function whyNone(): string {
  if (NO_NAMESPACES !== "") return NO_NAMESPACES;
  try {
    Deno.openSync("/proc/sys/vm/nr_overcommit_hugepages", { write: true }).close();
    Deno.statSync("/sys/kernel/mm/hugepages/hugepages-2048kB");
    return "";
  } catch (error) {
    return `${error}`;
  }
}

const missing = whyNone();

Deno.test({
  name: "MmapRegion of a file of huge pages maps, guards, resizes and unmaps whole ones" +
    (missing === "" ? "" : ` (ignored: ${missing})`),
  ignore: linux.ignore || missing !== "",
  fn: () =>
    withTempDir(async (dir) => {
      await assertRuns(PROGRAM, { args: [dir], prefix: IN_MOUNT_NAMESPACE });
    }),
});
