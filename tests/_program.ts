/** Programs of tests, each a file of its own, run to their end: in namespaces, under limits. */

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const ROOT = fromFileUrl(new URL("../", import.meta.url));

/** How many times the usual time a program may take; an emulated machine needs more. */
const PATIENCE = Number(Deno.env.get("MMAP_TEST_PATIENCE") ?? 1);

/** How a program is started. */
export interface ProgramOptions {
  /** Its `Deno.args`. */
  args?: string[];
  /** A command that starts it, such as `["prlimit", "--nofile=200"]`. */
  prefix?: string[];
  /** Flags of Deno, such as `["--v8-flags=--expose-gc"]`. */
  flags?: string[];
}

/** Runs a program, which must come to its end by itself. @returns what it printed */
export async function assertRuns(
  program: URL,
  { args = [], prefix = [], flags = [] }: ProgramOptions = {},
): Promise<string> {
  const [command, ...rest] = [
    ...prefix,
    ...[Deno.execPath(), "run", "-A", "--quiet", "--no-check", `--config=${ROOT}deno.json`],
    ...[...flags, fromFileUrl(program), ...args],
  ];
  const signal = AbortSignal.timeout(60_000 * PATIENCE);
  const child = new Deno.Command(command!, {
    args: rest,
    env: { NO_COLOR: "1" },
    stdin: "null",
    signal,
  });
  const ended = await child.output();
  const [stdout, stderr] = [ended.stdout, ended.stderr].map((bytes) =>
    new TextDecoder().decode(bytes)
  );
  assertEquals(
    { code: ended.code, signal: ended.signal },
    { code: 0, signal: null },
    `${stdout}\n${stderr}`,
  );
  return stdout!;
}

/** Starts a program in a mount namespace of its own. Only root may. */
export const IN_MOUNT_NAMESPACE: string[] = ["unshare", "--mount"];

/** Why there are no mount namespaces here; "" if there are. */
export const NO_NAMESPACES: string = await whyNot([...IN_MOUNT_NAMESPACE, "umount", "-l", "/proc"]);

async function whyNot([command, ...args]: string[]): Promise<string> {
  try {
    const { success, stderr } = await new Deno.Command(command!, { args }).output();
    return success ? "" : new TextDecoder().decode(stderr).trim();
  } catch (error) {
    return String(error);
  }
}
