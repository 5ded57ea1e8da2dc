/**
 * A stranger's folder, who has Deno and the address of a registry, and nothing of this project. No
 * `--allow-import` is needed: Deno allows the host of JSR_URL by default, as it does jsr.io.
 */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { withTempDir } from "../_files.ts";
import { serveRegistry } from "./_registry.ts";

/**
 * An address where nobody listens. All but the registry is reached by it, so that a program that
 * needed anything else would fail.
 */
const NOWHERE = "http://localhost:1";

/** Everything that `deno check` can ask for beyond its defaults. */
const STRICTEST = {
  strict: true,
  allowUnreachableCode: false,
  allowUnusedLabels: false,
  erasableSyntaxOnly: true,
  exactOptionalPropertyTypes: true,
  noFallthroughCasesInSwitch: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: true,
  noUncheckedIndexedAccess: true,
  noUncheckedSideEffectImports: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  verbatimModuleSyntax: true,
};

/** What such a person can do. */
export interface Consumer {
  readonly dir: string;
  /** Writes a file of the folder. */
  write(name: string, text: string): void;
  /** Runs `deno ARGS` in the folder. @returns the lines that it printed @throws {Error} If it failed */
  deno(...args: string[]): Promise<string[]>;
}

/**
 * Runs `body` with a folder that is gone afterwards, whose Deno has an empty cache and can reach a
 * registry that holds this package, and checks that nothing was missing there.
 */
export async function withConsumer(body: (consumer: Consumer) => Promise<void>): Promise<void> {
  await using registry = await serveRegistry();
  await withTempDir(async (dir) => {
    const write = (name: string, text: string) => Deno.writeTextFileSync(join(dir, name), text);
    write("deno.json", JSON.stringify({ compilerOptions: STRICTEST }));
    const deno = (...args: string[]) => run(dir, registry.url, args);
    await body({ dir, write, deno });
    assertEquals(registry.missing, []);
  });
}

async function run(dir: string, registry: string, args: string[]): Promise<string[]> {
  const output = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: dir,
    clearEnv: true,
    env: {
      DENO_DIR: join(dir, "cache"),
      DENO_NO_UPDATE_CHECK: "1",
      HOME: dir,
      HTTP_PROXY: NOWHERE,
      HTTPS_PROXY: NOWHERE,
      JSR_URL: registry,
      NO_COLOR: "1",
      NO_PROXY: "localhost",
      PATH: Deno.env.get("PATH") ?? "",
    },
    stdin: "null",
  }).output();
  const [stdout, stderr] = [output.stdout, output.stderr].map((o) => new TextDecoder().decode(o));
  if (!output.success) throw new Error(`deno ${args.join(" ")} failed:\n${stdout}\n${stderr}`);
  return stdout!.trimEnd().split("\n");
}
