/**
 * Checks the guides of docs/. Their `ts` blocks run as documentation tests, like the README's. A
 * program of several files, in `ts ignore` and `python` blocks, is run here: each of them begins with
 * a comment that is the file's name; under the same heading, an `sh` block has the one command that
 * starts it, and a `text` block what it prints.
 */

import { assertEquals } from "@std/assert";
import { dirname, join, toFileUrl } from "@std/path";
import * as api from "@mmap/mmap";
import * as channel from "@mmap/mmap/channel";
import * as collections from "@mmap/mmap/collections";
import * as libc from "@mmap/mmap/libc";
import * as struct from "@mmap/mmap/struct";
import * as sync from "@mmap/mmap/sync";
import { withTempDir } from "./_files.ts";
import { type Block, brokenLinks, type Page, pagesOf, readPage, ROOT } from "./_markdown.ts";
import { pythonWith } from "./_python.ts";

const GUIDES = pagesOf("docs");

/** A block's file name, if it is a file of a program. */
function fileName({ info, text }: Block): string | undefined {
  if (info !== "ts ignore" && info !== "python") return undefined;
  return /^(?:\/\/|#) (\w+\.(?:ts|py))$/.exec(text.split("\n", 1)[0]!)?.[1];
}

/** A program of several files. */
interface Program {
  readonly name: string;
  readonly files: ReadonlyMap<string, string>;
  readonly command: readonly string[];
  readonly prints: string;
}

/** The programs of a page: one for each heading that has files below it. */
function programsOf({ path, blocks }: Page): Program[] {
  const sections = Map.groupBy(blocks, ({ section }) => section);
  return [...sections].flatMap(([section, own]) => {
    const files = own.flatMap((block) => {
      const name = fileName(block);
      return name === undefined ? [] : [[name, block.text + "\n"] as const];
    });
    if (files.length === 0) return [];
    const [command, prints] = ["sh", "text"].map((info) => own.find((each) => each.info === info));
    return [{
      name: `${path}, "${section}"`,
      files: new Map(files),
      command: command?.text.split(" ") ?? [],
      prints: prints?.text ?? "",
    }];
  });
}

/** This module's own. */
interface Settings {
  readonly name: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly compilerOptions: Readonly<Record<string, boolean>>;
}

/** The settings of a folder in which this module can be imported by its name, as once it is added. */
function settingsOfUser(): string {
  const text = Deno.readTextFileSync(join(ROOT, "deno.json"));
  const { name, exports, compilerOptions }: Settings = JSON.parse(text);
  const imports = Object.entries(exports).map(([key, path]) => [
    `${name}${key.slice(1)}`,
    toFileUrl(join(ROOT, path)).href,
  ]);
  return JSON.stringify({ imports: Object.fromEntries(imports), compilerOptions });
}

async function writeProgram({ files }: Program, dir: string): Promise<void> {
  for (const [name, text] of files) await Deno.writeTextFile(join(dir, name), text);
}

/** Runs a command, within a time, with a folder before those of PATH. @returns what it printed */
async function outputOf(
  [program, ...args]: readonly string[],
  dir: string,
  folder = ".",
): Promise<string> {
  const path = Deno.env.get("PATH")!;
  await Deno.writeTextFile(join(dir, "deno.json"), settingsOfUser());
  const process = new Deno.Command(program === "deno" ? Deno.execPath() : program!, {
    args,
    cwd: dir,
    env: {
      PATH: folder === "." ? path : `${folder}:${path}`,
      NO_COLOR: "1",
      DENO_NO_UPDATE_CHECK: "1",
      PYTHONPATH: join(ROOT, "languages/python"),
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => process.kill("SIGKILL"), 120_000);
  try {
    const { success, stdout, stderr } = await process.output();
    const [text, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals(success, true, `${text}\n${errors}`);
    return text!.trimEnd();
  } finally {
    clearTimeout(timer);
  }
}

const PROGRAMS = GUIDES.flatMap(programsOf);

/** The folder of the Python that a program needs, "." for that of PATH; undefined if there is none. */
function pythonFor({ files }: Program): string | undefined {
  if (![...files.keys()].some((name) => name.endsWith(".py"))) return ".";
  const numpy = [...files.values()].some((text) => text.includes("import numpy"));
  const python = pythonWith(...numpy ? ["numpy"] : []);
  return python && dirname(python);
}

for (const program of PROGRAMS) {
  const python = pythonFor(program);
  Deno.test({
    name: `${program.name} prints what it says`,
    ignore: Deno.build.os !== "linux" || python === undefined,
    fn: () =>
      withTempDir(async (dir) => {
        await writeProgram(program, dir);
        assertEquals(await outputOf(program.command, dir, python), program.prints);
      }),
  });
}

Deno.test("docs has programs whose types are right", () =>
  withTempDir(async (dir) => {
    for (const [i, program] of PROGRAMS.entries()) {
      await Deno.mkdir(join(dir, `${i}`));
      await writeProgram(program, join(dir, `${i}`));
    }
    await outputOf(["deno", "check", "."], dir);
  }));

Deno.test("docs has no code in TypeScript or Python that no test runs", () => {
  const isLeftOut = (block: Block): boolean =>
    (block.info === "python" || /^ts .*ignore/.test(block.info)) && fileName(block) === undefined;
  const leftOut = GUIDES.flatMap(({ path, blocks }) =>
    blocks.filter(isLeftOut).map(({ line }) => `${path}:${line}`)
  );
  assertEquals(leftOut, []);
  assertEquals(PROGRAMS.length > 0, true);
});

Deno.test("docs links to places that are there", () => {
  assertEquals(GUIDES.flatMap(brokenLinks), []);
});

Deno.test("docs/README.md links to every guide", () => {
  const { prose } = readPage("docs/README.md");
  const guides = GUIDES.map(({ path }) => path.slice("docs/".length));
  const missing = guides.filter((name) => name !== "README.md" && !prose.includes(`](${name})`));
  assertEquals(missing, []);
});

/** All that can be imported, by name. */
const EXPORTS: Readonly<Record<string, unknown>> = {
  ...libc,
  ...struct,
  ...sync,
  ...channel,
  ...collections,
  ...api,
};

/** Whether `region.resize` or `Mutex.byteLength` of a guide's text is something that exists. */
function exists(owner: string, member: string): boolean {
  const type = owner === "region" ? api.MmapRegion : /^[A-Z]/.test(owner) && EXPORTS[owner];
  if (typeof type !== "function") return true; // `Deno.Command`, `mmap.mmap` of Python
  return member in type || member in type.prototype;
}

Deno.test("docs names only members that exist", () => {
  const unknown = GUIDES.flatMap(({ path, prose }) => {
    const spans = [...prose.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
    const names = spans.flatMap((span) => [...span.matchAll(/\b([A-Za-z]\w*)\.(\w+)/g)]);
    return names.filter(([, owner, member]) => !exists(owner!, member!))
      .map(([name]) => `${path}: ${name}`);
  });
  assertEquals(unknown, []);
});
