/** What is used by its address alone stays until it was used, whatever the engine collects meanwhile. */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { system } from "../../src/os/mod.ts";
import { resultOf } from "../_child.ts";
import { withTempDir } from "../_files.ts";

const PROGRAM = new URL("_kept.ts", import.meta.url);

/** @returns how many bytes of zeros were not zero */
function wrongBytes(...args: string[]): Promise<number> {
  return resultOf(PROGRAM, { args, v8Flags: "--expose-gc" });
}

Deno.test("zeros that are copied over memory are zeros, whatever is collected meanwhile", async () => {
  assertEquals(await wrongBytes("memory"), 0);
});

// Elsewhere none are.
if (system().name === "linux") {
  Deno.test("zeros that are written to a file are zeros, whatever is collected meanwhile", () =>
    withTempDir(async (dir) => {
      assertEquals(await wrongBytes("file", join(dir, "file")), 0);
    }));
}
