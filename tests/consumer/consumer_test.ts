/** What people get who import the package from JSR: it is served from a registry on this machine. */

import { assertEquals } from "@std/assert";
import { PACKAGE } from "../_package.ts";
import { type Consumer, withConsumer } from "./_consumer.ts";
import { type Program, PROGRAMS } from "./_programs.ts";

const ENTRY_POINTS = Object.keys(PACKAGE.exports);

/** The program of an entry point; none is a test that fails, not one that is left out. */
function programOf(entryPoint: string): Program {
  const program = PROGRAMS[entryPoint];
  if (program === undefined) throw new Error(`_programs.ts has no program for ${entryPoint}`);
  return program;
}

/** The specifier of an entry point, such as "jsr:@mmap/mmap/sync". */
function specifierOf(entryPoint: string): string {
  return `jsr:${PACKAGE.name}${entryPoint.slice(1)}`;
}

/** Writes the program of an entry point. @returns its file's name */
function writeProgram(consumer: Consumer, entryPoint: string): string {
  const name = `program${entryPoint.slice(1).replaceAll("/", "_")}.ts`;
  consumer.write(name, programOf(entryPoint).code);
  return name;
}

for (const entryPoint of ENTRY_POINTS) {
  const specifier = specifierOf(entryPoint);
  Deno.test(`${specifier} works from a registry with --allow-ffi alone`, async () => {
    await withConsumer(async (consumer) => {
      const program = writeProgram(consumer, entryPoint);
      const lines = await consumer.deno("run", "--no-prompt", "--allow-ffi", program);
      assertEquals(lines, programOf(entryPoint).prints);
    });
  });
}

Deno.test("the types of every entry point hold under the strictest compiler options of others", async () => {
  await withConsumer(async (consumer) => {
    const programs = ENTRY_POINTS.map((entryPoint) => writeProgram(consumer, entryPoint));
    await consumer.deno("check", ...programs);
  });
});

Deno.test("deno add jsr:@mmap/mmap gives every entry point its name", async () => {
  await withConsumer(async (consumer) => {
    await consumer.deno("add", `jsr:${PACKAGE.name}`);
    const names = ENTRY_POINTS.map((entryPoint) => PACKAGE.name + entryPoint.slice(1));
    const imports = names.map((name) => `import "${name}";\n`);
    consumer.write("names.ts", `${imports.join("")} console.log("imported");`);
    assertEquals(await consumer.deno("run", "--no-prompt", "names.ts"), ["imported"]);
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
