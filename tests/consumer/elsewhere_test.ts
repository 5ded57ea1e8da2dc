/** In runtimes that are not Deno, one sentence says so. */

import { assertEquals } from "@std/assert";
import { PACKAGE } from "../_package.ts";

const ROOT = new URL("../../", import.meta.url).href;
const PROGRAM = new URL("_elsewhere.mjs", import.meta.url);

/** Node that reads TypeScript: 22.18, or 23.6 and later. */
async function versionOf(command: string): Promise<number> {
  try {
    const { stdout } = await new Deno.Command(command, { args: ["--version"] }).output();
    return parseFloat(new TextDecoder().decode(stdout).replace(/^v/, ""));
  } catch {
    return 0;
  }
}

const RUNTIMES = { node: 23.6, bun: 1 };

for (const [command, least] of Object.entries(RUNTIMES)) {
  const version = await versionOf(command);
  Deno.test({
    name: `Every entry point says in ${command} that it needs Deno (ignored below ${least})`,
    ignore: version < least,
    fn: async () => {
      const entries = Object.values(PACKAGE.exports);
      for (const entry of entries) {
        const args = [PROGRAM.pathname, ROOT, entry];
        const { stdout } = await new Deno.Command(command, { args }).output();
        // Structs are plain JavaScript.
        const expected = entry.includes("struct")
          ? "loaded"
          : "Error: Cannot load @mmap/mmap: it needs Deno 2, whose FFI it calls, and this is none";
        assertEquals(new TextDecoder().decode(stdout).trim(), expected, entry);
      }
    },
  });
}
