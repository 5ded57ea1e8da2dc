/** Children in which mapped memory faults: they must live, or die by exactly one signal. */

import { assertEquals } from "@std/assert";
import { type ChildOptions, runChild } from "./_child.ts";
import { guard } from "./_capabilities.ts";
import { FILE_SYSTEMS, withTempDir } from "./_files.ts";

export const { ignore } = guard;

/** Runs a child to its end, which must come by itself. @returns what it printed */
export async function assertLives(program: URL, options: ChildOptions = {}): Promise<string> {
  const { code, signal, stdout, stderr } = await runChild(program, options);
  assertEquals({ code, signal }, { code: 0, signal: null }, `${stdout}\n${stderr}`);
  return stdout;
}

/** Runs a child that a signal must end, after it printed "ready". */
export async function assertDiesBy(
  expected: Deno.Signal,
  program: URL,
  options: ChildOptions = {},
): Promise<void> {
  const { code, signal, stdout, stderr } = await runChild(program, options);
  const end = Deno.build.os === "windows" ? code : signal;
  assertEquals({ end, stdout }, { end: endBy(expected), stdout: "ready\n" }, stderr);
}

const ACCESS_VIOLATION = 0xC0000005 | 0;

/** Windows has no signals: there an exception that nobody handles is the exit code. */
function endBy(signal: Deno.Signal): Deno.Signal | number {
  return Deno.build.os === "windows" ? ACCESS_VIOLATION : signal;
}

/**
 * Registers a child that must live, once with a directory on each file system. The action takes the directory first, then what follows its name.
 */
export function livesOnBothFileSystems(
  name: string,
  program: URL,
  [action, ...args]: [string, ...unknown[]],
  options: ChildOptions = {},
): void {
  for (const [where, parent] of Object.entries(FILE_SYSTEMS)) {
    Deno.test({
      name: `${name} (${where})`,
      ignore,
      fn: () =>
        withTempDir(async (dir) => {
          await assertLives(program, { ...options, args: [action, dir, ...args] });
        }, parent),
    });
  }
}
