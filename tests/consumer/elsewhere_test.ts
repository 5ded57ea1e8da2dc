/** Runtimes that are not Deno can load the module, and one sentence says that it does not work there. */

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

const SENTENCE =
  "Error: Cannot use @mmap/mmap: it needs Deno 2, whose FFI it calls, and this is none";
/** Structs are plain JavaScript, and the command line has no other call than that of `main`. */
const WITHOUT = ["./struct", "./cli"];

for (const [command, least] of Object.entries(RUNTIMES)) {
  const version = await versionOf(command);
  Deno.test({
    name: `Every entry point loads in ${command}, and its first call says that it needs Deno ` +
      `(ignored below ${least})`,
    ignore: version < least,
    fn: async () => {
      for (const [name, path] of Object.entries(PACKAGE.exports)) {
        const args = [PROGRAM.pathname, ROOT, path];
        const { stdout } = await new Deno.Command(command, { args }).output();
        const [loaded, ...said] = new TextDecoder().decode(stdout).trim().split("\n");
        assertEquals(loaded, "loaded", name);
        assertEquals(said.length > 0, !WITHOUT.includes(name), name);
        assertEquals(said.filter((sentence) => sentence !== SENTENCE), [], name);
      }
    },
  });
}
