/** C compilers, for what only the real headers know. */

import { assert } from "@std/assert";

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

/** Compiles C source given as text; its file goes to standard input, so nothing is left behind. */
export async function compileC(
  source: string,
  { compiler = "gcc", args }: { compiler?: string; args: string[] },
): Promise<void> {
  const process = new Deno.Command(compiler, {
    args: ["-x", "c", ...args, "-"],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(source));
  await writer.close();
  const { success, stderr } = await process.output();
  assert(success, new TextDecoder().decode(stderr));
}

/** Compiles and runs a C program. @returns what it wrote to standard output */
export async function runC(source: string, args: string[] = []): Promise<string> {
  const directory = await Deno.makeTempDir();
  try {
    const program = `${directory}/program`;
    await compileC(source, { args: [...args, "-o", program] });
    const { success, stdout } = await new Deno.Command(program).output();
    assert(success, "The C program failed");
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
