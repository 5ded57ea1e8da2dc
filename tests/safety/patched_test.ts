/** Built-in prototypes that a program has changed, before or after the module was loaded. */

import { assertEquals } from "@std/assert";
import { resultOf } from "../_child.ts";
import { ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";

const PROGRAM = new URL("_patched.ts", import.meta.url);

/** Runs one child. @returns what was harmed by each thing that it patched */
async function harmOf(
  action: string,
  ...args: string[]
): Promise<{ count: number; harm: Record<string, unknown> }> {
  let result;
  await withTempDir(async (dir) => {
    Deno.writeFileSync(`${dir}/data.bin`, new Uint8Array(4 * 4096));
    result = await resultOf(PROGRAM, { args: [action, dir, ...args], v8Flags: "--expose-gc" });
  });
  return result!;
}

for (const lie of ["throw", "nothing", "a large number", "another array"]) {
  Deno.test(`MmapRegion survives built-ins that answer with ${lie}`, { ignore }, async () => {
    const { count, harm } = await harmOf("useUnder", lie);
    assertEquals(harm, {});
    assertEquals(count > 60, true, `only ${count} patched`);
  });
}

/** What the module captures when it is loaded, or uses then. */
const CAPTURED: [object: string, key: string, name?: string][] = [
  ["ArrayBuffer.prototype", "transfer"],
  ["TypedArray.prototype", "set", "Object.getPrototypeOf(Uint8Array.prototype).set"],
  ["TypedArray.prototype", "subarray", "Object.getPrototypeOf(Uint8Array.prototype).subarray"],
  ["TypedArray.prototype", "fill", "Object.getPrototypeOf(Uint8Array.prototype).fill"],
  ["FinalizationRegistry.prototype", "register"],
  ["FinalizationRegistry.prototype", "unregister"],
];

for (const [object, key, name = `${object}.${key}`] of CAPTURED) {
  const lies = key === "transfer" ? ["throw", "nothing", "another array"] : ["nothing"];
  for (const lie of lies) {
    Deno.test(`MmapRegion survives ${name} that answers with ${lie} while it is loaded`, {
      ignore,
    }, async () => {
      const { harm } = await harmOf("loadUnder", object, key, lie);
      assertEquals(harm, {});
    });
  }
}
