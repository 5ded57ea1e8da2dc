/** `mmap dump` without `--follow`. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { truncateMeanwhile } from "../_fault_child.ts";
import { makeFile, makeSparseFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { jsonLines, mmap, mmapPrints, runCommand, RunningCli, succeedsInShell } from "./_cli.ts";

/** Random bytes with stretches of zeros and of one row, and an end within a row. */
function mixture(): Uint8Array {
  const bytes = new Uint8Array(200_003);
  crypto.getRandomValues(bytes.subarray(0, 60_000));
  bytes.fill(0x41, 100_000, 150_000);
  crypto.getRandomValues(bytes.subarray(150_000));
  return bytes;
}

const HAS_HEXDUMP = await succeedsInShell("hexdump -C /dev/null");

/** What `hexdump -C -s start -n length` prints, which is also compared with it where it is there. */
function hexdump(bytes: Uint8Array, start: number, length: number): string {
  const address = (at: number): string => at.toString(16).padStart(8, "0");
  const end = Math.min(start + length, bytes.length);
  const lines: string[] = [];
  let last = "";
  for (let at = start; at < end; at += 16) {
    const row = [...bytes.subarray(at, Math.min(at + 16, end))];
    const hex = row.map((byte) => ` ${byte.toString(16).padStart(2, "0")}`);
    hex.splice(8, 0, " ");
    const text = row.map((byte) => byte < 32 || byte > 126 ? "." : String.fromCharCode(byte));
    const line = `${hex.join("").padEnd(49)}  |${text.join("")}|`;
    if (line !== last || row.length < 16) lines.push(`${address(at)} ${line}`);
    else if (lines.at(-1) !== "*") lines.push("*");
    last = line;
  }
  return [...lines, address(end), ""].join("\n");
}

Deno.test("mmap dump prints what hexdump -C prints", () =>
  withTempDir(async (dir) => {
    const bytes = mixture();
    const path = makeFile(dir, bytes);
    for (
      const [start, length, args] of [
        [0, bytes.length, []],
        [7, bytes.length, ["--offset", "7"]],
        [100_001, 1024, ["--offset", "0x186a1", "--length", "1k"]],
        [0, 33, ["--length", "33"]],
        [200_000, 4 * 2 ** 20, ["--offset", "200000", "--length", "4m"]],
      ] as const
    ) {
      const expected = hexdump(bytes, start, length);
      if (HAS_HEXDUMP) {
        const command = ["hexdump", "-C", "-s", `${start}`, "-n", `${length}`, path];
        assertEquals((await runCommand(command)).stdout, expected);
      }
      assertEquals(await mmapPrints(["dump", ...args, path]), expected);
    }
  }));

Deno.test("mmap dump prints rows in hexadecimal and ASCII", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, new TextEncoder().encode("Hello, world!\n~\x7f" + "=".repeat(35)));
    assertEquals(
      await mmapPrints(["dump", path]),
      "00000000  48 65 6c 6c 6f 2c 20 77  6f 72 6c 64 21 0a 7e 7f  |Hello, world!.~.|\n" +
        "00000010  3d 3d 3d 3d 3d 3d 3d 3d  3d 3d 3d 3d 3d 3d 3d 3d  |================|\n" +
        "*\n" +
        "00000030  3d 3d 3d                                          |===|\n" +
        "00000033\n",
    );
  }));

Deno.test("mmap dump --json prints rows and runs of the same rows", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, new Uint8Array(200_001).fill(0xab));
    const hex = "ab".repeat(16);
    assertEquals(jsonLines(await mmapPrints(["dump", path, "--json", "--offset", "1"])), [
      { byteOffset: 1, byteLength: 16, hex },
      { byteOffset: 17, byteLength: 199_984, same: true },
    ]);
    assertEquals(jsonLines(await mmapPrints(["dump", path, "--json"])), [
      { byteOffset: 0, byteLength: 16, hex },
      { byteOffset: 16, byteLength: 199_984, same: true },
      { byteOffset: 200_000, byteLength: 1, hex: "ab" },
    ]);
  }));

Deno.test("mmap dump prints nothing of an empty file and of no length", () =>
  withTempDir(async (dir) => {
    assertEquals(await mmapPrints(["dump", makeFile(dir, 0)]), "");
    const path = makeFile(dir, 10, "ten");
    assertEquals(await mmapPrints(["dump", path, "--length", "0"]), "");
    assertEquals(await mmapPrints(["dump", path, "--offset", "10"]), "");
    assertEquals(await mmapPrints(["dump", path, "--json", "--offset", "10"]), "");
  }));

Deno.test("mmap dump fails if the offset lies beyond the end", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 10);
    assertEquals(await mmap(["dump", path, "--offset", "11"]), {
      code: 1,
      stdout: "",
      stderr: `mmap: Cannot dump '${path}' from byte 11: it has 10 bytes\n`,
    });
  }));

Deno.test("mmap dump reads far into a file of 8 GiB", () =>
  withTempDir(async (dir) => {
    const path = makeSparseFile(dir, 8 * 2 ** 30);
    using file = Deno.openSync(path, { write: true });
    file.seekSync(7 * 2 ** 30 + 5, Deno.SeekMode.Start);
    file.writeSync(new TextEncoder().encode("far away"));
    assertEquals(
      await mmapPrints(["dump", path, "--offset", "7g", "--length", "16"]),
      "1c0000000  00 00 00 00 00 66 61 72  20 61 77 61 79 00 00 00  |.....far away...|\n" +
        "1c0000010\n",
    );
    const end = await mmapPrints(["dump", path, "--offset", "0x1fffffff8", "--json"]);
    assertEquals(jsonLines(end), [
      { byteOffset: 2 ** 33 - 8, byteLength: 8, hex: "00".repeat(8) },
    ]);
  }));

const TEN_MEBIBYTES = 10 * 2 ** 20;

onBothFileSystems("mmap dump shows what a truncation takes away as missing", async (dir) => {
  const path = makeFile(dir, pattern(TEN_MEBIBYTES));
  await using program = new RunningCli(["dump", path]);
  // It has mapped the file, and its output is many times what pipes hold: it waits for this reader.
  await program.readLine();
  await truncateMeanwhile(path, 1000);
  const lines = await program.readRest();
  assertEquals((await program.ended()).code, 0);
  assertMatch(lines.at(-2)!, /^[0-9a-f]+ {2}\*\*$/);
  assertEquals(lines.at(-1), TEN_MEBIBYTES.toString(16).padStart(8, "0"));
});

Deno.test("mmap dump --json shows what a truncation takes away as missing", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, pattern(TEN_MEBIBYTES));
    await using program = new RunningCli(["dump", path, "--json"]);
    await program.readLine();
    await truncateMeanwhile(path, 0);
    const last = JSON.parse((await program.readRest()).at(-1)!);
    assertEquals((await program.ended()).code, 0);
    assert(last.missing === true && last.byteLength > 0, JSON.stringify(last));
    assertEquals(last.byteOffset + last.byteLength, TEN_MEBIBYTES);
  }));
