/**
 * The command line of this package: looks at mapped files and shared memory, and clears up
 * what dead processes left behind.
 *
 * ```sh
 * deno run --allow-ffi jsr:@mmap/mmap/cli --help
 * ```
 *
 * It runs only if it is the main program. An importer gets {@linkcode main}, and {@linkcode inspect},
 * which tells programs what `mmap inspect` prints.
 *
 * @module
 */

import { system } from "../os/mod.ts";
import { type Command, generalHelp, helpOf, readInput, UsageError } from "./command.ts";
import { dump } from "./dump.ts";
import { inspect as inspectCommand } from "./inspect.ts";
import { locks } from "./locks.ts";
import { ls } from "./ls.ts";
import { print, printError } from "./output.ts";
import { python } from "./python.ts";
import { reap } from "./reap.ts";
import { residency } from "./residency.ts";
import { rm } from "./rm.ts";
import { top } from "./top.ts";

export { inspect, type Inspection, type LockInspection } from "./kinds/inspection.ts";
export type { KindName } from "./kinds/kinds.ts";
export type { LockKind } from "./kinds/look.ts";
export type { MappingProcess } from "./kinds/peers.ts";

const COMMANDS: readonly Command[] = [
  ...[ls, inspectCommand, top, locks, dump, residency, reap, rm],
  python,
];

/**
 * Runs a command line: prints to stdout, and reports a failure on one line of stderr.
 *
 * Requires `--allow-ffi`.
 *
 * @param args the command and its arguments, as in `Deno.args`
 * @returns the exit code: 0 done, 1 failed, 2 wrong arguments, 3 something is wrong with
 * what `inspect --check` looked at
 *
 * @example
 * ```ts
 * import { main } from "@mmap/mmap/cli";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await main(["ls", "--help"]), 0);
 * ```
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await dispatch(args);
  } catch (error) {
    // The reader has read enough, as in `| head`.
    if (error instanceof Deno.errors.BrokenPipe) return 0;
    printError(error);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function dispatch([name, ...args]: readonly string[]): Promise<number> {
  if (name === "--help") {
    await print(generalHelp(COMMANDS));
    return 0;
  }
  if (name === undefined) throw new UsageError("Missing command", "mmap --help");
  const command = COMMANDS.find((command) =>
    command.name === name || command.aliases?.includes(name)
  );
  if (command === undefined) throw new UsageError(`Unknown command '${name}'`, "mmap --help");
  const input = readInput(command, args);
  if (!input.help) return await command.run(input);
  await print(helpOf(command));
  return 0;
}

if (import.meta.main) {
  system(); // elsewhere than in Deno, this says so
  main(Deno.args).then((code) => Deno.exit(code));
}
