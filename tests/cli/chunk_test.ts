/** Reading around missing pages, and the text of rows, where exact places matter. */

import { assertEquals } from "@std/assert";
import { formatHandle, MmapRegion } from "@mmap/mmap";
import { readChunk } from "../../src/cli/chunk.ts";
import { formatMode, formatSize, parseBytes, printable } from "../../src/cli/format.ts";
import { Rows } from "../../src/cli/rows.ts";
import { Target } from "../../src/cli/target.ts";
import { truncateMeanwhile } from "../_fault_child.ts";
import { makeFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { withLibc } from "../_libc.ts";

onBothFileSystems("readChunk() marks exactly the pages that a file has lost", async (dir) => {
  const path = makeFile(dir, 3 * PAGE);
  using target = new Target(path);
  await truncateMeanwhile(path, PAGE + 10);
  const { bytes, missing } = readChunk(target, 1, 3 * PAGE - 1);
  assertEquals(bytes.subarray(0, PAGE - 1), pattern(PAGE).subarray(1));
  assertEquals([missing.indexOf(1), missing.lastIndexOf(0)], [2 * PAGE - 1, 2 * PAGE - 2]);
});

Deno.test("readChunk() finds the pages of a region that begins within one", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 3 * PAGE);
    using region = MmapRegion.open(path, { byteOffset: 1000 });
    using target = new Target(formatHandle(region.handle()));
    await truncateMeanwhile(path, PAGE);
    const { missing } = readChunk(target, 0, target.byteLength);
    assertEquals([missing.indexOf(1), missing.lastIndexOf(0)], [PAGE - 1000, PAGE - 1001]);
    await truncateMeanwhile(path, 0);
    await truncateMeanwhile(path, 3 * PAGE);
    assertEquals(readChunk(target, 0, target.byteLength).missing.indexOf(1), -1);
  }));

Deno.test("readChunk() marks what lies beyond the end", () =>
  withTempDir((dir) => {
    using target = new Target(makeFile(dir, 10));
    const { bytes, missing } = readChunk(target, 8, 4);
    assertEquals([...bytes], [...pattern(10).subarray(8), 0, 0]);
    assertEquals([...missing], [0, 0, 1, 1]);
    assertEquals([...readChunk(target, 20, 2).missing], [1, 1]);
  }));

Deno.test("readChunk() reads the mapping itself where the system has no call for it", () =>
  withTempDir((dir) => {
    using target = new Target(makeFile(dir, 10));
    return withLibc({ process_vm_readv: null }, () => {
      const { bytes, missing } = readChunk(target, 2, 10);
      assertEquals([...bytes], [...pattern(10).subarray(2), 0, 0]);
      assertEquals(missing.indexOf(1), 8);
    });
  }));

/** A chunk of "a" where nothing is missing, and of nothing where something is. */
function chunk(byteOffset: number, there: string): Parameters<Rows["add"]>[0] {
  return {
    byteOffset,
    bytes: Uint8Array.from(there, (c) => c === "a" ? 0x61 : 0),
    missing: Uint8Array.from(there, (c) => c === "a" ? 0 : 1),
  };
}

Deno.test("Rows shows bytes that are missing within a row, and runs of missing rows", () => {
  const parts = chunk(8, "a".repeat(8) + "-".repeat(40) + "a".repeat(20));
  const rows = new Rows(false);
  assertEquals(
    rows.add(parts) + rows.end(),
    "00000008  61 61 61 61 61 61 61 61  ** ** ** ** ** ** ** **  |aaaaaaaa********|\n" +
      "00000018  **\n" +
      "00000038  61 61 61 61 61 61 61 61  61 61 61 61 61 61 61 61  |aaaaaaaaaaaaaaaa|\n" +
      "00000048  61 61 61 61                                       |aaaa|\n" +
      "0000004c\n",
  );
  const json = new Rows(true);
  assertEquals(
    json.add(parts) + json.end(),
    `{"byteOffset":8,"byteLength":16,"hex":"${"61".repeat(8)}${"**".repeat(8)}"}\n` +
      `{"byteOffset":24,"byteLength":32,"missing":true}\n` +
      `{"byteOffset":56,"byteLength":16,"hex":"${"61".repeat(16)}"}\n` +
      `{"byteOffset":72,"byteLength":4,"hex":"61616161"}\n`,
  );
});

Deno.test("Rows ends a run where a gap follows", () => {
  const rows = new Rows(false);
  const row = "61 61 61 61 61 61 61 61  61 61 61 61 61 61 61 61  |aaaaaaaaaaaaaaaa|";
  const all = () => true;
  assertEquals(rows.addSome(chunk(0, "a".repeat(48)), all), `00000000  ${row}\n*\n`);
  assertEquals(rows.addSome(chunk(64, "a".repeat(16)), all), `00000030\n00000040  ${row}\n`);
  assertEquals(rows.pause(), "");
  assertEquals(rows.addSome(chunk(80, "a".repeat(32)), all), `00000050  ${row}\n*\n`);
  assertEquals(rows.pause(), "00000070\n");
});

Deno.test("parseBytes() reads decimal and hexadecimal numbers and units", () => {
  const read = ["0", "10", "0x10", "1k", "2M", "3g", "1t", "0x1k"].map(parseBytes);
  assertEquals(read, [0, 10, 16, 1024, 2 ** 21, 3 * 2 ** 30, 2 ** 40, 1024]);
  for (const wrong of ["", " 1", "1 ", "1e3", "0xg", "-1", "1b", "8192t"]) {
    assertEquals(parseBytes(wrong), undefined, wrong);
  }
});

Deno.test("formatSize() rounds to the unit that people would use", () => {
  const sizes = [0, 1, 1023, 1024, 1536, 2 ** 20 - 1, 2 ** 20, 8 * 2 ** 30, 2 ** 53 - 1];
  assertEquals(sizes.map(formatSize), [
    "0 B",
    "1 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "1.0 MiB",
    "1.0 MiB",
    "8.0 GiB",
    "8.0 PiB",
  ]);
});

Deno.test("formatMode() writes octal digits", () => {
  assertEquals([0, 0o600, 0o1777].map(formatMode), ["0000", "0600", "1777"]);
});

Deno.test("printable() leaves no character that moves the cursor", () => {
  assertEquals(printable("ü\n\x1b[2J\x7f\x9b\u2028é"), "ü\\u000a\\u001b[2J\\u007f\\u009b\\u2028é");
});
