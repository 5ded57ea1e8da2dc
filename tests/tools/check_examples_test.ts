import { assertEquals, assertStringIncludes } from "@std/assert";
import { checkExamples } from "../../tools/check_examples.ts";
import { runTool, withTree } from "./_tree.ts";

/** A project in which every example is run. */
const GOOD = {
  "tests/examples_test.ts": `run("first.ts");\nrun('talk/parent.ts');\nrun("examples/last.ts");`,
  "examples/first.ts": `import { help } from "./_help.ts";`,
  "examples/_help.ts": `export function help() {}`,
  "examples/talk/parent.ts": `new Worker(new URL("./child.ts", import.meta.url));`,
  "examples/talk/child.ts": `import { help } from "../_help.ts";`,
  "examples/last.ts": ``,
};

Deno.test("checkExamples() finds nothing if a test names or reaches every example", async () => {
  await withTree(GOOD, (root) => assertEquals(checkExamples(root), []));
});

Deno.test("checkExamples() reports an example that no test names", async () => {
  await withTree({ ...GOOD, "examples/new.ts": "" }, (root) => {
    assertEquals(checkExamples(root), [
      "examples/new.ts: no test in tests/examples_test.ts runs it",
    ]);
  });
});

Deno.test("checkExamples() counts the tests of sharing too", async () => {
  const example = { "examples/new.ts": "" };
  const test = { "tests/sharing/languages_test.ts": `run("new.ts");` };
  await withTree({ ...GOOD, ...example, ...test }, (root) => {
    assertEquals(checkExamples(root), []);
  });
});

Deno.test("checkExamples() wants the whole path, and not only its end", async () => {
  const files = { "examples/talk/a_first.ts": "", "examples/first.tsx.ts": "" };
  await withTree({ ...GOOD, ...files }, (root) => {
    assertEquals(
      checkExamples(root).map((problem) => problem.split(":")[0]),
      Object.keys(files).reverse(),
    );
  });
});

Deno.test("checkExamples() does not count a name in a comment", async () => {
  const files = { "examples/new.ts": "", "tests/examples_test.ts": `// run("new.ts")\n` };
  await withTree(files, (root) => assertEquals(checkExamples(root).length, 1));
});

Deno.test("checkExamples() reports examples that only name each other", async () => {
  const files = { "examples/a.ts": `import "./b.ts";`, "examples/b.ts": `import "./a.ts";` };
  await withTree({ ...GOOD, ...files }, (root) => assertEquals(checkExamples(root).length, 2));
});

Deno.test("check_examples.ts fails on an example that no test runs, and passes otherwise", async () => {
  await withTree({ ...GOOD, "examples/new.ts": "" }, async (root) => {
    const bad = await runTool("check_examples.ts", root);
    assertEquals(bad.code, 1);
    assertStringIncludes(bad.stderr, "examples/new.ts");
    await Deno.remove(`${root}/examples/new.ts`);
    const good = await runTool("check_examples.ts", root);
    assertEquals([good.code, good.stdout], [0, "Examples: ok\n"]);
  });
});
