/** Output that nobody reads, or that has no room. */

import { assertEquals, assertMatch } from "@std/assert";
import { makeFile, withTempDir } from "../_files.ts";
import {
  type CliResult,
  commandLine,
  commandOf,
  mmap,
  runCommand,
  RunningCli,
  succeedsInShell,
} from "./_cli.ts";

/** Has bash run the rest of its arguments with such an output whose reader is gone. */
const WITHOUT_READER = (output: "1" | "2"): string =>
  `exec 3> >(exec true); wait $!; "$@" ${output}>&3 3>&-`;
const WINDOWS = Deno.build.os === "windows";
const HAS_BASH = await succeedsInShell("command -v bash");
/** Wine shows that of Linux. */
const HAS_FULL = canWrite("/dev/full");

function canWrite(path: string): boolean {
  try {
    Deno.openSync(path, { write: true }).close();
    return true;
  } catch {
    return false;
  }
}

/** Runs a command one of whose outputs nobody reads. */
async function runWithoutReader(
  command: readonly string[],
  output: "stdout" | "stderr",
): Promise<CliResult> {
  if (!WINDOWS) {
    const script = WITHOUT_READER(output === "stdout" ? "1" : "2");
    return await runCommand(["bash", "-c", script, "bash", ...command]);
  }
  const child = commandOf(command).spawn();
  await child[output].cancel(); // long before the program has started
  const other = await new Response(child[output === "stdout" ? "stderr" : "stdout"]).text();
  const { code } = await child.status;
  return { code, stdout: "", stderr: "", [output === "stdout" ? "stderr" : "stdout"]: other };
}

/** Runs a command whose stdout is full. */
function runWithFullOutput(command: readonly string[]): Promise<CliResult> {
  if (!WINDOWS) return runCommand(["sh", "-c", `"$@" > /dev/full`, "sh", ...command]);
  const line = command.map((word) => `"${word}"`).join(" ");
  return runCommand(["cmd", "/s", "/c", `"${line} > \\dev\\full"`], { asItIs: true });
}

const COMMANDS = [
  ["--help"],
  ["ls"],
  ["info", "FILE"],
  ["dump", "FILE"],
  ["dump", "FILE", "--json"],
  ["dump", "FILE", "--follow"],
  ["residency", "FILE"],
  ["reap", "--dry-run"],
];

const FULL = /^mmap: [^\n]*os error 28[^\n]*\n$/;

for (const args of COMMANDS) {
  Deno.test({
    name: `mmap ${args.join(" ")} is silent if nobody reads its output`,
    ignore: !HAS_BASH && !WINDOWS,
    fn: () =>
      withTempDir(async (dir) => {
        const path = makeFile(dir, 100_000);
        const command = commandLine(args.map((word) => word === "FILE" ? path : word));
        const result = await runWithoutReader(command, "stdout");
        assertEquals(result, { code: 0, stdout: "", stderr: "" });
      }),
  });

  Deno.test({
    name: `mmap ${args.join(" ")} fails with one line if its output is full`,
    ignore: !HAS_FULL,
    fn: () =>
      withTempDir(async (dir) => {
        const path = makeFile(dir, 100_000);
        const command = commandLine(args.map((word) => word === "FILE" ? path : word));
        const result = await runWithFullOutput(command);
        assertEquals(result.code, 1);
        assertMatch(result.stderr, WINDOWS ? /^mmap: [^\n]*os error 112[^\n]*\n$/ : FULL);
      }),
  });
}

Deno.test("mmap dump stops in silence when head has seen enough", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 4 * 2 ** 20);
    await using program = new RunningCli(["dump", path]);
    assertMatch(await program.readLine(), /^00000000 /);
    await program.stopReading();
    assertEquals(await program.ended(), { code: 0, signal: null, stderr: "" });
  }));

Deno.test({
  name: "mmap fails with its exit code although nobody reads stderr",
  ignore: !HAS_BASH && !WINDOWS,
  fn: async () => {
    const result = await runWithoutReader(commandLine(["dump", "/no/such/file"]), "stderr");
    assertEquals(result, { code: 1, stdout: "", stderr: "" });
  },
});

Deno.test("mmap runs with all permissions as with --allow-ffi alone", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 100);
    const all = await mmap(["dump", path], { permissions: ["-A"] });
    assertEquals(all.code, 0);
    assertEquals(all, await mmap(["dump", path]));
  }));
