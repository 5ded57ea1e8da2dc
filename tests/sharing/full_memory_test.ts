/** Shared memory where little is left, as in a container. */

import { assertEquals } from "@std/assert";
import { memoryLimit } from "../_capabilities.ts";
import { assertRuns, IN_MOUNT_NAMESPACE, NO_NAMESPACES } from "../_program.ts";

const PROGRAM = new URL("_full_memory.ts", import.meta.url);

Deno.test({
  name: "MmapRegion.named() reserves its memory, or throws ENOSPC and leaves nothing" +
    (NO_NAMESPACES === "" ? "" : ` (ignored: ${NO_NAMESPACES})`),
  ignore: memoryLimit.ignore || NO_NAMESPACES !== "",
  fn: async () => {
    assertEquals(await assertRuns(PROGRAM, { prefix: IN_MOUNT_NAMESPACE }), "nothing left\n");
  },
});
