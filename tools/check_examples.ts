/**
 * Checks that every example is run: `deno run --allow-read=. tools/check_examples.ts`. A program is
 * named in tests/examples_test.ts or a test of tests/sharing, or started or imported by one that is.
 */

import { report, typeScriptFiles } from "./_files.ts";
import { resolveImport, withoutComments } from "./_imports.ts";

const FOLDER = "examples";
const TEST = "tests/examples_test.ts";
/** The tests that run the examples of sharing, with servers and with other languages. */
const TEST_FOLDER = "tests/sharing";

/** The problems of the project at `root`, one line each. */
export function checkExamples(root: string): string[] {
  const test = testFiles(root)
    .map((path) => withoutComments(Deno.readTextFileSync(`${root}/${path}`))).join("\n");
  const examples = typeScriptFiles(`${root}/${FOLDER}`);
  const reached = new Set<string>();
  const reach = (example: string): void => {
    if (reached.has(example)) return;
    reached.add(example);
    const source = withoutComments(Deno.readTextFileSync(`${root}/${FOLDER}/${example}`));
    neighbours(example, source).filter((other) => examples.includes(other)).forEach(reach);
  };
  examples.filter((example) => isNamed(example, test)).forEach(reach);
  return examples
    .filter((example) => !reached.has(example))
    .map((example) => `${FOLDER}/${example}: no test in ${TEST} runs it`);
}

/** The files that name the examples that they run. */
function testFiles(root: string): string[] {
  try {
    return [
      TEST,
      ...typeScriptFiles(`${root}/${TEST_FOLDER}`).map((path) => `${TEST_FOLDER}/${path}`),
    ];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [TEST];
    throw error;
  }
}

/** Whether a string of the source ends with the path of the example. */
function isNamed(example: string, source: string): boolean {
  const path = example.replaceAll(/[.+]/g, "\\$&");
  return new RegExp(`["'\`/]${path}["'\`]`).test(source);
}

/** The files that a program names by a string such as "./child.ts": its imports, Workers, children. */
function neighbours(example: string, source: string): string[] {
  return [...source.matchAll(/["'`](\.\.?\/[^"'`\n]+\.ts)["'`]/g)]
    .map((match) => resolveImport(example, match[1]!));
}

if (import.meta.main) report("Examples", checkExamples("."));
