/** What people get who import the package from JSR: it is served from a registry on this machine. */

import { assertEquals } from "@std/assert";
import { PACKAGE } from "../_package.ts";
import { type Consumer, withConsumer } from "./_consumer.ts";

/** The call that opens files. */
const OPEN = Deno.build.os === "windows" ? "CreateFileW" : "open";

/** What the program of each entry point prints: the file of its name in `_programs`. */
const PRINTED: Readonly<Record<string, readonly string[]>> = {
  ".": ["8192 42", "7 on", "1 7", `ENOENT ${OPEN}`],
  "./channel": ["1,2,3", "true", "4,3,2,1"],
  "./cli": ["2 2"],
  "./collections": ["began", "1 42", "2 0.25", "1 1"],
  "./libc": ["0", "EINVAL"],
  "./struct": ["42 Ann 8 4"],
  "./sync": ["true false null", "false", "1"],
};

const ENTRY_POINTS = Object.keys(PACKAGE.exports);

const PACKAGE_SPECIFIER = `jsr:${PACKAGE.name}`;

/** The specifier of an entry point, such as "jsr:@mmap/mmap/sync". */
function specifierOf(entryPoint: string): string {
  return PACKAGE_SPECIFIER + entryPoint.slice(1);
}

/** Writes the program of an entry point. @returns its file's name */
function writeProgram(consumer: Consumer, entryPoint: string): string {
  const name = `${entryPoint.slice(2) || "main"}.ts`;
  consumer.write(name, Deno.readTextFileSync(new URL(`_programs/${name}`, import.meta.url)));
  return name;
}

for (const entryPoint of ENTRY_POINTS) {
  const specifier = specifierOf(entryPoint);
  Deno.test(`${specifier} works from a registry with --allow-ffi alone`, async () => {
    await withConsumer(async (consumer) => {
      await consumer.deno("add", PACKAGE_SPECIFIER);
      const program = writeProgram(consumer, entryPoint);
      const lines = await consumer.deno("run", "--no-prompt", "--allow-ffi", program);
      assertEquals(lines, PRINTED[entryPoint]);
    });
  });
}

Deno.test("the types of every entry point hold under the strictest compiler options of others", async () => {
  await withConsumer(async (consumer) => {
    await consumer.deno("add", PACKAGE_SPECIFIER);
    const programs = ENTRY_POINTS.map((entryPoint) => writeProgram(consumer, entryPoint));
    await consumer.deno("check", ...programs);
  });
});

Deno.test("jsr:@mmap/mmap/… can be imported without being added", async () => {
  await withConsumer(async (consumer) => {
    const imports = ENTRY_POINTS.map((entryPoint) => `import "${specifierOf(entryPoint)}";\n`);
    consumer.write("specifiers.ts", `${imports.join("")} console.log("imported");`);
    const lines = await consumer.deno("run", "--no-prompt", "specifiers.ts");
    assertEquals(lines, ["imported"]);
  });
});

Deno.test("jsr:@mmap/mmap/cli is a program that needs --allow-ffi alone", async () => {
  await withConsumer(async ({ deno, write }) => {
    write("words.txt", "mapped");
    const [row] = await deno(
      "run",
      "--no-prompt",
      "--allow-ffi",
      specifierOf("./cli"),
      "dump",
      "words.txt",
    );
    assertEquals(row, "00000000  6d 61 70 70 65 64                                 |mapped|");
  });
});
