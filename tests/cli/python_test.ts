/** `mmap python`, and the text in the package. */

import { assert, assertEquals } from "@std/assert";
import { PYTHON_TEXT } from "../../src/cli/python_text.ts";
import { pythonModule, TARGET } from "../../tools/python_text.ts";
import { mmapPrints } from "./_cli.ts";

const FILE = new URL("../../languages/python/mmap_peer.py", import.meta.url);

Deno.test("the package has the text of mmap_peer.py as tools/python_text.ts writes it", () => {
  // Not assertEquals, which would print all of both.
  assert(Deno.readTextFileSync(TARGET) === pythonModule(), "run tools/python_text.ts");
  assert(PYTHON_TEXT === Deno.readTextFileSync(FILE));
});

Deno.test("mmap python prints mmap_peer.py, without any permission", async () => {
  const text = Deno.readTextFileSync(FILE);
  assertEquals(await mmapPrints(["python"], { permissions: [] }), text);
  const json = JSON.parse(await mmapPrints(["python", "--json"], { permissions: [] }));
  assertEquals(json, { name: "mmap_peer.py", text });
});
