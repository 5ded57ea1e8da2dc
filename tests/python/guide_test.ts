/** The fragments in docs/python.md are of programs that tests run. */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { readPage } from "../_markdown.ts";

const PROGRAMS = new URL("../../examples/python/", import.meta.url);

/** The code of a line. */
const codeOf = (line: string): string => line.replace(/ {2}#.*/, "").trim();

Deno.test("docs/python.md has no line of Python that is in no example", () => {
  const lines = new Set(
    Array.from(Deno.readDirSync(fromFileUrl(PROGRAMS))).filter(({ name }) => name.endsWith(".py"))
      .flatMap(({ name }) =>
        Deno.readTextFileSync(new URL(name, PROGRAMS)).split("\n").map(codeOf)
      ),
  );
  const shown = readPage("docs/python.md").blocks.filter(({ info }) => info === "py")
    .flatMap(({ text }) => text.split("\n").map(codeOf));
  assert(shown.length > 10);
  assertEquals(shown.filter((line) => !lines.has(line)), []);
});
