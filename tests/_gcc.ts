/** C compilers, for what only the real headers know. */

import { assert } from "@std/assert";
import { join } from "@std/path";
import { HAS_HOST, runOnHost } from "./_host.ts";

/** Whether a program of this name can be started. */
export function hasProgram(name: string): boolean {
  try {
    return new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The compiler of C programs for Windows on the Linux below Wine. */
const CROSS_COMPILER = "x86_64-w64-mingw32-gcc";

const HAS_GCC = hasProgram("gcc");

const HAS_CROSS_COMPILER = HAS_HOST && !HAS_GCC &&
  (await runOnHost(CROSS_COMPILER, ["--version"])).success;

/** Options of a test that compiles C programs, and runs them on this system. */
export const needsC = { ignore: !HAS_GCC && !HAS_CROSS_COMPILER };

/** How a C compiler is called. */
export interface CompileOptions {
  compiler?: string;
  args: string[];
}

/** Compiles C source given as text; its file goes to standard input, so nothing is left behind. */
export async function compileC(
  source: string,
  { compiler = "gcc", args }: CompileOptions,
): Promise<void> {
  const all = ["-x", "c", ...args, "-"];
  const isCross = compiler === "gcc" && HAS_CROSS_COMPILER;
  const { success, stderr } =
    await (isCross ? runOnHost(CROSS_COMPILER, all, source) : runHere(compiler, all, source));
  assert(success, stderr);
}

async function runHere(
  program: string,
  args: string[],
  stdin: string,
): Promise<{ success: boolean; stderr: string }> {
  const process = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const { success, stderr } = await process.output();
  return { success, stderr: new TextDecoder().decode(stderr) };
}

/** The path of a program that is compiled into a folder. */
export function programIn(dir: string, name = "program"): string {
  return join(dir, Deno.build.os === "windows" ? `${name}.exe` : name);
}

/** Compiles and runs a C program. @returns what it wrote to standard output */
export async function runC(source: string, args: string[] = []): Promise<string> {
  const directory = await Deno.makeTempDir();
  try {
    const program = programIn(directory);
    await compileC(source, { args: [...args, "-o", program] });
    const { success, stdout } = await new Deno.Command(program).output();
    assert(success, "The C program failed");
    return textOfC(stdout);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What a C program printed: those of Windows end lines in two characters. */
export function textOfC(output: Uint8Array): string {
  return new TextDecoder().decode(output).replaceAll("\r\n", "\n");
}
