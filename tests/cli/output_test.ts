/** Output that nobody reads, or that has no room. */

import { assertEquals, assertMatch } from "@std/assert";
import { makeFile, withTempDir } from "../_files.ts";
import { commandLine, mmap, runCommand, succeedsInShell } from "./_cli.ts";

/** Runs the rest of its arguments with a stdout whose reader is gone. */
const WITHOUT_READER = `exec 3> >(exec true); wait $!; "$@" >&3 3>&-`;
const HAS_BASH = await succeedsInShell("command -v bash");
const LINUX = Deno.build.os === "linux";

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

for (const args of COMMANDS) {
  Deno.test({
    name: `mmap ${args.join(" ")} is silent if nobody reads its output`,
    ignore: !HAS_BASH || !LINUX,
    fn: () =>
      withTempDir(async (dir) => {
        const path = makeFile(dir, 100_000);
        const command = commandLine(args.map((word) => word === "FILE" ? path : word));
        const result = await runCommand(["bash", "-c", WITHOUT_READER, "bash", ...command]);
        assertEquals(result, { code: 0, stdout: "", stderr: "" });
      }),
  });

  Deno.test({
    name: `mmap ${args.join(" ")} fails with one line if its output is full`,
    ignore: !LINUX,
    fn: () =>
      withTempDir(async (dir) => {
        const path = makeFile(dir, 100_000);
        const command = commandLine(args.map((word) => word === "FILE" ? path : word));
        const result = await runCommand(["sh", "-c", `"$@" > /dev/full`, "sh", ...command]);
        assertEquals(result.code, 1);
        assertMatch(result.stderr, /^mmap: [^\n]*os error 28[^\n]*\n$/);
      }),
  });
}

Deno.test("mmap dump stops in silence when head has seen enough", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 4 * 2 ** 20);
    const pipeline = `("$@"; echo "code $?" >&2) | head -1`;
    const { stdout, stderr } = await runCommand(
      ["sh", "-c", pipeline, "sh", ...commandLine(["dump", path])],
    );
    assertMatch(stdout, /^00000000 [^\n]*\n$/);
    assertEquals(stderr, "code 0\n");
  }));

Deno.test({
  name: "mmap fails with its exit code although nobody reads stderr",
  ignore: !HAS_BASH || !LINUX,
  fn: async () => {
    const script = `exec 3> >(exec true); wait $!; "$@" 2>&3 3>&-`;
    const command = commandLine(["dump", "/no/such/file"]);
    const result = await runCommand(["bash", "-c", script, "bash", ...command]);
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
