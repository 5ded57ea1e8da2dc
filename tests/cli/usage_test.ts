/** Help, wrong arguments, and what happens at import. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { main } from "@mmap/mmap/cli";
import { mmap, mmapPrints, runCommand } from "./_cli.ts";

/** Each command, and what its help must name. */
const COMMANDS: Record<string, string[]> = {
  ls: [],
  inspect: ["TARGET", "--check", "--full PERCENT", "--once"],
  top: ["--once", "--every SECONDS"],
  locks: ["PID"],
  dump: ["TARGET", "--offset BYTES", "--length BYTES", "--follow"],
  residency: ["TARGET", "--width COLUMNS"],
  reap: ["--dry-run"],
  rm: ["NAME..."],
  python: [],
};

Deno.test("mmap --help names every command", async () => {
  const help = await mmapPrints(["--help"]);
  assertMatch(help, /^Usage: mmap COMMAND/);
  for (const name of Object.keys(COMMANDS)) assertMatch(help, new RegExp(`^  ${name} .*\\w$`, "m"));
});

for (const [name, words] of Object.entries(COMMANDS)) {
  Deno.test(`mmap ${name} --help names its arguments`, async () => {
    const help = await mmapPrints([name, "--help"], { permissions: [] });
    assertEquals(help.startsWith(`Usage: mmap ${name} `), true, help);
    for (const word of [...words, "--json", "--help"]) assertStringIncludes(help, word);
  });
}

/** Wrong arguments, and the one line that they give. */
const WRONG: [args: string[], line: string][] = [
  [[], "Missing command: see 'mmap --help'"],
  [["list"], "Unknown command 'list': see 'mmap --help'"],
  [["two\nlines"], "Unknown command 'two\\u000alines': see 'mmap --help'"],
  [["--json"], "Unknown command '--json': see 'mmap --help'"],
  [["toString"], "Unknown command 'toString': see 'mmap --help'"],
  [["inspect"], "Missing TARGET: see 'mmap inspect --help'"],
  [["info"], "Missing TARGET: see 'mmap inspect --help'"],
  [["inspect", "x", "--full", "50"], "--full needs --check: see 'mmap inspect --help'"],
  [
    ["inspect", "x", "--check", "--full", "101"],
    "--full must be a number from 0 to 100, not '101': see 'mmap inspect --help'",
  ],
  [["locks"], "Missing PID: see 'mmap locks --help'"],
  [["locks", "0"], "PID must be a process, not '0': see 'mmap locks --help'"],
  [["locks", "1", "2"], "Unexpected argument '2': see 'mmap locks --help'"],
  [
    ["top", "--every", "0"],
    "--every must be a number from 0.1 to 86400, not '0': see 'mmap top --help'",
  ],
  [["dump"], "Missing TARGET: see 'mmap dump --help'"],
  [["residency", "--json"], "Missing TARGET: see 'mmap residency --help'"],
  [["rm"], "Missing NAME: see 'mmap rm --help'"],
  [["ls", "x"], "Unexpected argument 'x': see 'mmap ls --help'"],
  [["reap", "x"], "Unexpected argument 'x': see 'mmap reap --help'"],
  [["info", "x", "y"], "Unexpected argument 'y': see 'mmap inspect --help'"],
  [["ls", "--follow"], "Unknown option '--follow': see 'mmap ls --help'"],
  [["ls", "-l"], "Unknown option '-l': see 'mmap ls --help'"],
  [
    ["dump", "x", "--offset"],
    "Option '--offset <value>' argument missing: see 'mmap dump --help'",
  ],
  ...["", "x", "1.5", "-1", "0x", "1kk", "9007199254740992", "k"].map((
    value,
  ): [string[], string] => [
    ["dump", "x", `--length=${value}`],
    `--length must be a number of bytes, not '${value}': see 'mmap dump --help'`,
  ]),
  ...["", "0", "-3", "1.5", "10001", "wide"].map((value): [string[], string] => [
    ["residency", "x", `--width=${value}`],
    `--width must be a number from 1 to 10000, not '${value}': see 'mmap residency --help'`,
  ]),
];

for (const [args, line] of WRONG) {
  Deno.test(`mmap ${JSON.stringify(args)} is refused`, async () => {
    assertEquals(await mmap(args), { code: 2, stdout: "", stderr: `mmap: ${line}\n` });
  });
}

Deno.test("main() resolves to the exit code", async () => {
  assertEquals(await main(["info", "--help"]), 0);
});

Deno.test("mod.ts does nothing when it is imported", async () => {
  const program = fromFileUrl(new URL("_importer.ts", import.meta.url));
  const result = await runCommand([Deno.execPath(), "run", "--quiet", program, "ls"]);
  assertEquals(result, { code: 0, stdout: "function\n", stderr: "" });
});

Deno.test("mmap tells that it needs --allow-ffi", async () => {
  const { code, stdout, stderr } = await mmap(["ls"], { permissions: [] });
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^mmap: [^\n]*--allow-ffi[^\n]*\n$/);
});
