/** `mmap dump --follow` */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Child, KILLED } from "../_child.ts";
import { truncateMeanwhile } from "../_fault_child.ts";
import { makeFile, makeSparseFile, onBothFileSystems, withTempDir } from "../_files.ts";
import { mmap, RunningCli } from "./_cli.ts";
import { uniqueName } from "./_objects.ts";

const ZEROS = "00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|";

/** How it ends that is interrupted. Deno for Windows has no way to do that, and ends it by force. */
const INTERRUPTED = Deno.build.os === "windows" ? KILLED : { code: 0, signal: null };

/** Interrupts the program, which must then end well. */
async function interrupt(program: RunningCli): Promise<void> {
  program.kill("SIGINT");
  assertEquals(await program.ended(), { ...INTERRUPTED, stderr: "" });
}

Deno.test("mmap dump --follow prints what another process changes, and ends on SIGINT", async () => {
  const name = uniqueName();
  using _region = MmapRegion.named(name, { createNew: true, byteLength: 4096 });
  await using writer = new Child(new URL("_peers.ts", import.meta.url), {
    args: ["change", name],
  });
  await writer.readLine();
  await using program = new RunningCli(["dump", "--follow", `shm:${name}`]);
  assertEquals(await program.readLines(3), [`00000000  ${ZEROS}`, "*", "00001000"]);
  await writer.writeLine("100");
  assertEquals(
    await program.readLine(),
    "00000060  00 00 00 00 41 00 00 00  00 00 00 00 00 00 00 00  |....A...........|",
  );
  await writer.writeLine("0");
  assertEquals(
    await program.readLine(),
    "00000000  41 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |A...............|",
  );
  await interrupt(program);
  assertEquals(await program.readRest(), []);
  assertEquals((await writer.ended()).success, true);
});

Deno.test("mmap dump --follow --json prints changed rows within the range", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, new Uint8Array(8192));
    using region = MmapRegion.open(path, { access: "read-write" });
    const range = ["--offset", "4096", "--length", "32"];
    await using program = new RunningCli(["dump", "--follow", "--json", path, ...range]);
    const zeros = "00".repeat(16);
    const first = (await program.readLines(2)).map((line) => JSON.parse(line));
    assertEquals(first, [
      { byteOffset: 4096, byteLength: 16, hex: zeros },
      { byteOffset: 4112, byteLength: 16, same: true },
    ]);
    region.bytes[4095] = 1; // outside
    region.bytes[4128] = 1; // outside
    region.bytes[4127] = 2;
    assertEquals(JSON.parse(await program.readLine()), {
      byteOffset: 4112,
      byteLength: 16,
      hex: "00".repeat(15) + "02",
    });
    await interrupt(program);
    assertEquals(await program.readRest(), []);
  }));

onBothFileSystems("mmap dump --follow prints what a file gains and loses", async (dir) => {
  const path = makeFile(dir, new Uint8Array(16));
  await using program = new RunningCli(["dump", "--follow", path]);
  assertEquals(await program.readLines(2), [`00000000  ${ZEROS}`, "00000010"]);
  await truncateMeanwhile(path, 8192);
  assertEquals(await program.readLines(3), [`00000010  ${ZEROS}`, "*", "00002000"]);
  await truncateMeanwhile(path, 4096);
  assertEquals(await program.readLines(2), ["00001000  **", "00002000"]);
  await truncateMeanwhile(path, 0);
  assertEquals(await program.readLines(2), ["00000000  **", "00001000"]);
  await truncateMeanwhile(path, 32);
  assertEquals(await program.readLines(3), [`00000000  ${ZEROS}`, "*", "00000020"]);
  await interrupt(program);
});

Deno.test("mmap dump --follow waits for an empty file to be filled", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 0);
    await using program = new RunningCli(["dump", "--follow", path]);
    await Deno.writeTextFile(path, "0123456789abcdef", { append: true });
    assertEquals(
      await program.readLine(),
      "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|",
    );
    // The end, or the beginning of what comes next.
    assertEquals(await program.readLine(), "00000010");
    await interrupt(program);
  }));

Deno.test("mmap dump --follow ends on SIGINT while nobody reads its output", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 8 * 2 ** 20);
    await using program = new RunningCli(["dump", "--follow", path]);
    await program.readLine(); // of many more than the pipe holds
    await interrupt(program);
  }));

Deno.test("mmap dump --follow refuses what is too large to be kept", () =>
  withTempDir(async (dir) => {
    const path = makeSparseFile(dir, 2 ** 30);
    const { code, stdout, stderr } = await mmap(["dump", "--follow", path]);
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(stderr, `mmap: Cannot follow ${2 ** 30} bytes: give a --length`);
    await using program = new RunningCli(["dump", "--follow", path, "--offset=1g", "--length=16"]);
    await truncateMeanwhile(path, 2 ** 30 + 16);
    assertEquals(await program.readLine(), `40000000  ${ZEROS}`);
    await interrupt(program);
  }));
