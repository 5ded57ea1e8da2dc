import { assertEquals, assertStringIncludes } from "@std/assert";
import { checkLayers } from "../../tools/check_layers.ts";
import { runTool, withTree } from "./_tree.ts";

/** A project in which every arrow runs the right way. */
const GOOD = {
  "deno.json": `{ "name": "@a/b" }`,
  "mod.ts":
    `export { open } from "./src/region/open.ts";\nexport type { Range } from "./ffi/libc.ts";`,
  "ffi/libc.ts": `export type Range = number;\nDeno.dlopen("libc.so.6", {});`,
  "ffi/memory.ts": `Deno.UnsafePointerView.getArrayBuffer(pointer, 1);`,
  "src/check/options.ts": `export const check = 1;`,
  "src/struct/layout.ts":
    `import { check } from "../check/options.ts";\nexport const layout = check;`,
  "src/os/linux/mod.ts":
    `import { libc } from "../../../ffi/libc.ts";\nconst { os } = Deno.build;\n` +
    `export const O_PATH = 1;`,
  "src/object/file.ts":
    `import "../os/linux/mod.ts";\nexport const far = 1; // as in /proc\nexport const NO_SPACE = 28;`,
  "src/mapping/map.ts":
    `import {\n  bufferOver,\n} from "../../ffi/memory.ts";\nexport const map = 1;`,
  "src/region/open.ts": `import "../object/file.ts";\nimport { map } from "../mapping/map.ts";`,
  "src/cli/mod.ts": `import { parseArgs } from "node:util";\nimport "../region/open.ts";`,
  "src/sync/mutex.ts": `/**\n * import { open } from "@a/b";\n */\n// import "npm:x";\n` +
    `import { layout } from "../struct/layout.ts";`,
  "examples/first.ts": `import { open } from "@a/b";\nimport { other } from "npm:other";`,
  "tests/open_test.ts":
    `import "@a/b/libc";\nimport "../src/region/open.ts";\nDeno.dlopen("x", {});`,
};

/** What is wrong in the good project with some files changed. */
async function problemsWith(files: Record<string, string>): Promise<string[]> {
  let problems: string[] = [];
  await withTree({ ...GOOD, ...files }, (root) => {
    problems = checkLayers(root);
  });
  return problems;
}

Deno.test("checkLayers() finds nothing in a tree whose arrows all run down", async () => {
  assertEquals(await problemsWith({}), []);
});

/** One wrong file each, and what is said of it. */
const WRONG: Record<string, [path: string, source: string, problem: string]> = {
  "an import from a layer above": [
    "src/mapping/up.ts",
    `import { open } from "../region/open.ts";`,
    "src/mapping/up.ts -> ../region/open.ts: src/mapping may not import src/region",
  ],
  "an import that spans lines": [
    "ffi/up.ts",
    `import {\n  type A,\n  b,\n} from "../src/object/file.ts";`,
    "ffi/up.ts -> ../src/object/file.ts: ffi may not import src/object",
  ],
  "an import of the room that imports nothing": [
    "src/check/up.ts",
    `import { layout } from "../struct/layout.ts";`,
    "src/check/up.ts -> ../struct/layout.ts: src/check may not import src/struct",
  ],
  "a type import from a layer above": [
    "ffi/up.ts",
    `import type { Map } from "../src/mapping/map.ts";`,
    "ffi/up.ts -> ../src/mapping/map.ts: ffi may not import src/mapping",
  ],
  "a re-export from a layer above": [
    "src/sync/up.ts",
    `export * from "../channel/ring.ts";`,
    "src/sync/up.ts -> ../channel/ring.ts: src/sync may not import src/channel",
  ],
  "a dynamic import of a layer above": [
    "src/sync/up.ts",
    `export const ring = () => import("../channel/ring.ts");`,
    "src/sync/up.ts -> ../channel/ring.ts: src/sync may not import src/channel",
  ],
  "an import for its effect": [
    "ffi/up.ts",
    `import "../mod.ts";`,
    "ffi/up.ts -> ../mod.ts: ffi may not import mod.ts",
  ],
  "object importing mapping": [
    "src/object/aside.ts",
    `import { map } from "../mapping/map.ts";`,
    "src/object/aside.ts -> ../mapping/map.ts: src/object may not import src/mapping",
  ],
  "mapping importing object": [
    "src/mapping/aside.ts",
    `import "../object/file.ts";`,
    "src/mapping/aside.ts -> ../object/file.ts: src/mapping may not import src/object",
  ],
  "struct importing ffi": [
    "src/struct/aside.ts",
    `import "../../ffi/libc.ts";`,
    "src/struct/aside.ts -> ../../ffi/libc.ts: src/struct may not import ffi",
  ],
  "ffi importing struct": [
    "ffi/aside.ts",
    `import { layout } from "../src/struct/layout.ts";`,
    "ffi/aside.ts -> ../src/struct/layout.ts: ffi may not import src/struct",
  ],
  "the module importing itself by name": [
    "src/region/self.ts",
    `import { open } from "@a/b/libc";`,
    "src/region/self.ts -> @a/b/libc: src/region may not import the package",
  ],
  "the module importing a test": [
    "src/region/self.ts",
    `import "../../tests/open_test.ts";`,
    "src/region/self.ts -> ../../tests/open_test.ts: src/region may not import tests",
  ],
  "an npm package in the module": [
    "src/region/npm.ts",
    `import x from "npm:x@1";`,
    "src/region/npm.ts -> npm:x@1: the module has no dependencies",
  ],
  "a jsr package in the module": [
    "src/region/jsr.ts",
    `import x from "jsr:@a/x";`,
    "src/region/jsr.ts -> jsr:@a/x: the module has no dependencies",
  ],
  "a Node module in ffi": [
    "ffi/node.ts",
    `const { openSync } = await import("node:fs");`,
    "ffi/node.ts -> node:fs: the module has no dependencies",
  ],
  "another Node module in the command line": [
    "src/cli/node.ts",
    `import { openSync } from "node:fs";`,
    "src/cli/node.ts -> node:fs: the module has no dependencies",
  ],
  "the command line's Node module elsewhere": [
    "src/region/node.ts",
    `import { parseArgs } from "node:util";`,
    "src/region/node.ts -> node:util: the module has no dependencies",
  ],
  "the command line importing ffi": [
    "src/cli/call.ts",
    `import { libc } from "../../ffi/libc.ts";`,
    "src/cli/call.ts -> ../../ffi/libc.ts: src/cli may not import ffi",
  ],
  "a call of libc outside of src/os": [
    "src/region/call.ts",
    `import { libc } from "../../ffi/libc.ts";`,
    "src/region/call.ts -> ../../ffi/libc.ts: only src/os may import that of ffi",
  ],
  "a look at the system outside of src/os": [
    "src/region/look.ts",
    `export const IS_LINUX = Deno.build.os === "linux";`,
    "src/region/look.ts: only src/os and ffi may know of Deno.build",
  ],
  "platform() outside of src/os": [
    "src/sync/look.ts",
    `export const os = platform().os;`,
    "src/sync/look.ts: only src/os and ffi may know of platform()",
  ],
  "a path of Linux outside of src/os": [
    "src/object/path.ts",
    "export const pathOf = (fd: number) => `/proc/self/fd/${fd}`;",
    "src/object/path.ts: only src/os and ffi may know of /proc",
  ],
  "the folder of shared memory outside of src/os": [
    "src/object/name.ts",
    `export const FOLDER = "/dev/shm";`,
    "src/object/name.ts: only src/os and ffi may know of /dev/shm",
  ],
  "a memfd outside of src/os": [
    "src/object/memory.ts",
    `export const memfd = 1;`,
    "src/object/memory.ts: only src/os and ffi may know of memfd",
  ],
  "a flag outside of src/os": [
    "src/mapping/flags.ts",
    `export const flags = O_RDWR;`,
    "src/mapping/flags.ts: only src/os and ffi may know of constants of the system's headers",
  ],
  "an error number outside of src/os": [
    "src/collections/full.ts",
    `const ENOSPC = 28;`,
    "src/collections/full.ts: only src/os and ffi may know of error numbers",
  ],
  "a mapped name in ffi": [
    "ffi/std.ts",
    `import { assert } from '@std/assert';`,
    "ffi/std.ts -> @std/assert: the module has no dependencies",
  ],
  "a folder that no layer is": [
    "src/extra/x.ts",
    `export const x = 1;`,
    "src/extra/x.ts: belongs to no layer of docs/architecture.md",
  ],
  "dlopen outside of ffi": [
    "src/object/open.ts",
    `const { dlopen } = Deno;`,
    "src/object/open.ts: only ffi/ may use Deno.dlopen",
  ],
  "UnsafePointerView outside of ffi": [
    "src/object/read.ts",
    `new Deno.UnsafePointerView(pointer).getUint8();`,
    "src/object/read.ts: only ffi/ may use Deno.UnsafePointerView",
  ],
  "getArrayBuffer outside of ffi/memory.ts": [
    "ffi/other.ts",
    `new Deno.UnsafePointerView(pointer).getArrayBuffer(1);`,
    "ffi/other.ts: only ffi/memory.ts may use getArrayBuffer",
  ],
};

for (const [what, [path, source, problem]] of Object.entries(WRONG)) {
  Deno.test(`checkLayers() reports ${what}`, async () => {
    assertEquals(await problemsWith({ [path]: source }), [problem]);
  });
}

Deno.test("checkLayers() reports files that import each other in a ring, once", async () => {
  const problems = await problemsWith({
    "src/mapping/a.ts": `import "./b.ts";`,
    "src/mapping/b.ts": `import type { C } from "./c.ts";`,
    "src/mapping/c.ts": `import "./a.ts";`,
  });
  assertEquals(problems, [
    "src/mapping/a.ts -> src/mapping/b.ts -> src/mapping/c.ts -> src/mapping/a.ts: an import cycle",
  ]);
});

Deno.test("check_layers.ts fails and prints each wrong arrow", async () => {
  const wrong = Object.values(WRONG).slice(0, 1);
  const files = Object.fromEntries(wrong.map(([path, source]) => [path, source]));
  await withTree({ ...GOOD, ...files }, async (root) => {
    const { code, stderr } = await runTool("check_layers.ts", root);
    assertEquals(code, 1);
    for (const [, , problem] of wrong) assertStringIncludes(stderr, problem);
  });
});

Deno.test("check_layers.ts passes on a tree whose arrows all run down", async () => {
  await withTree(GOOD, async (root) => {
    const { code, stdout } = await runTool("check_layers.ts", root);
    assertEquals([code, stdout], [0, "Import directions: ok\n"]);
  });
});
