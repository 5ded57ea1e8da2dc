/** A region is closed while a Worker reads pages of it that are gone: no moment without the guard. */

import { assertEquals } from "@std/assert";
import { guard } from "../_capabilities.ts";
import { runChild } from "../_child.ts";

const PROGRAM = new URL("_close_under_reader.ts", import.meta.url);

for (const way of ["transferred buffer", "sharedBuffer()"]) {
  Deno.test(
    `MmapRegion.close() leaves a Worker that reads a truncated file by its ${way} alive`,
    guard,
    async () => {
      const args = ["close", way === "sharedBuffer()"];
      const { success, signal, stderr, stdout } = await runChild(PROGRAM, { args });
      assertEquals([signal, success, stdout.trim()], [null, true, '"alive"'], stderr);
    },
  );
}
