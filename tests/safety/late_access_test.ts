/** Addresses that outlive their region: in native code, and where Deno cannot say that it uses them. */

import { assertEquals } from "@std/assert";
import { ignore } from "../_faults.ts";
import { assertRuns, IN_MOUNT_NAMESPACE, NO_NAMESPACES } from "../_program.ts";

const LATE = new URL("_late_access.ts", import.meta.url);
const NO_SLOT_LEFT = new URL("_no_slot_left.ts", import.meta.url);
const UNLENT = new URL("_unlent.ts", import.meta.url);

Deno.test("native code that comes too late meets zeros, and takes no more than some MiB", {
  ignore,
}, async () => {
  assertEquals(await assertRuns(LATE), "on\n");
});

Deno.test("resize() changes nothing where it cannot leave used memory to its users", {
  ignore,
}, async () => {
  assertEquals(await assertRuns(NO_SLOT_LEFT), "alive\n");
});

/** Linux can keep it, but for where there is no /proc; Windows never can. */
const [WHY_NOT, PREFIX] = Deno.build.os === "windows"
  ? ["", []]
  : [NO_NAMESPACES, IN_MOUNT_NAMESPACE];

Deno.test({
  name: "MmapRegion works where operations of Deno cannot keep its memory" +
    (WHY_NOT === "" ? "" : ` (ignored: ${WHY_NOT})`),
  ignore: WHY_NOT !== "",
  fn: async () => {
    assertEquals(await assertRuns(UNLENT, { prefix: PREFIX }), "alive\n");
  },
});
