/**
 * Faults of a process that has no RLIMIT_DATA left, or little of it. Only few steps lie between
 * taking the limit away and giving it back: V8 needs some, too. Needs --expose-gc.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { gc } from "../_act.ts";
import { PAGE } from "../_pages.ts";
import { makeFile, makeSparseFile, pattern } from "../_files.ts";
import { setLimit } from "../_process.ts";

const [name, dir] = Deno.args as [string, string];

/** Runs `body` with a limit that was overdrawn long ago. */
function overdrawn(body: () => void): void {
  gc(); // V8 ends a process that has no memory for that
  const old = setLimit("DATA", PAGE);
  try {
    body();
  } finally {
    setLimit("DATA", old);
  }
}

/** Private memory of this process that can be written to, in bytes. */
function dataByteLength(): number {
  const [, kibibytes] = Deno.readTextFileSync("/proc/self/status").match(/VmData:\s+(\d+) kB/)!;
  return Number(kibibytes) * 1024;
}

/** Not emptied in between, which would take private changes along. */
function writeOver(path: string, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true });
  assertEquals(file.writeSync(bytes), bytes.length);
}

setLimit("DATA", setLimit("DATA", PAGE)); // what it takes is loaded now

const cases: Record<string, () => void> = {
  missing(): void {
    const path = makeFile(dir, 8 * PAGE);
    for (const access of ["read-write", "copy-on-write"] as const) {
      Deno.writeFileSync(path, pattern(8 * PAGE));
      using region = MmapRegion.open(path, { access });
      const { bytes } = region;
      bytes[PAGE + 1] = 201;
      Deno.truncateSync(path, 2 * PAGE);
      let sum = 0;
      overdrawn(() => {
        sum += bytes[3 * PAGE]!;
        bytes[3 * PAGE + 1] = 8;
        bytes[5 * PAGE] = 9;
        sum += bytes[5 * PAGE + 1]!;
      });
      assertEquals([sum, bytes[3 * PAGE + 1], bytes[5 * PAGE], region.faults], [0, 8, 9, 2]);
      assertThrows(() => region.check(), MappingFaultError);
      const whole = pattern(8 * PAGE, 50);
      writeOver(path, whole);
      region.repair();
      region.check();
      assertEquals(bytes.subarray(2 * PAGE), whole.subarray(2 * PAGE));
      assertEquals(bytes[PAGE + 1], access === "copy-on-write" ? 201 : whole[PAGE + 1]);
    }
  },

  "missing with a shared buffer"(): void {
    const path = makeFile(dir, 8 * PAGE);
    using region = MmapRegion.open(path, { access: "read-write" });
    const bytes = new Uint8Array(region.sharedBuffer());
    Deno.truncateSync(path, 2 * PAGE);
    overdrawn(() => {
      bytes[3 * PAGE] = 8;
    });
    assertEquals([bytes[3 * PAGE], bytes[3 * PAGE + 1], region.faults], [8, 0, 1]);
    Deno.writeFileSync(path, pattern(8 * PAGE));
    region.repair();
    assertEquals(bytes.subarray(0, 8 * PAGE), pattern(8 * PAGE));
  },

  "stray write"(): void {
    const path = makeFile(dir, 4 * PAGE);
    using region = MmapRegion.open(path, { byteOffset: PAGE });
    const { bytes } = region;
    overdrawn(() => {
      bytes[PAGE + 5] = 250;
    });
    const seen = pattern(4 * PAGE).slice(PAGE);
    assertEquals(Deno.readFileSync(path), pattern(4 * PAGE));
    seen[PAGE + 5] = 250;
    assertEquals([bytes, region.faults], [seen, 1]);
    region.repair();
    assertEquals(bytes, pattern(4 * PAGE).subarray(PAGE));
  },

  "stray write to private memory"(): void {
    const path = makeFile(dir, pattern(4 * PAGE, 9));
    const regions = [
      MmapRegion.anonymous(4 * PAGE, { sharing: "private" }),
      MmapRegion.open(path, { access: "copy-on-write" }),
    ];
    for (const protection of ["none", "read"] as const) {
      for (const region of regions) {
        const { bytes } = region;
        region.protect("read-write");
        bytes.set(pattern(4 * PAGE));
        region.protect(protection);
        let held = 0;
        overdrawn(() => {
          bytes[2 * PAGE + 5] = 250;
          held = bytes[2 * PAGE + 6]!;
        });
        assertEquals([bytes[2 * PAGE + 5], held], [250, pattern(4 * PAGE)[2 * PAGE + 6]]);
        assertThrows(() => region.check(), MappingFaultError);
        region.repair();
        const expected = pattern(4 * PAGE);
        expected[2 * PAGE + 5] = 250;
        // Of a file, the page is the file's again.
        if (region.kind === "file") {
          expected.set(Deno.readFileSync(path).subarray(2 * PAGE, 3 * PAGE), 2 * PAGE);
        }
        assertEquals(bytes, expected, protection);
        region.discard();
        assertEquals(bytes, new Uint8Array(4 * PAGE));
        region.resize(2 * PAGE);
        region.resize(4 * PAGE);
      }
    }
    for (const region of regions) region.close();
    assertEquals(Deno.readFileSync(path), pattern(4 * PAGE, 9));
  },

  "reading a large file that was cut off"(): void {
    const byteLength = 2 ** 30;
    const path = makeSparseFile(dir, byteLength);
    for (const access of ["read", "read-write", "copy-on-write"] as const) {
      Deno.truncateSync(path, byteLength);
      using region = MmapRegion.open(path, { access });
      const { bytes } = region;
      Deno.truncateSync(path, 0);
      const before = dataByteLength();
      let sum = 0;
      for (let at = 0; at < byteLength; at += PAGE) sum += bytes[at]!;
      assert(region.faults > 500);
      assert(dataByteLength() - before < 64 * 2 ** 20, `${dataByteLength() - before}`);
      bytes[byteLength - 1] = 7; // behind a page that was read first
      bytes[PAGE * 200_001] = 8;
      assertEquals([sum, bytes[byteLength - 1], bytes[PAGE * 200_001]], [0, 7, 8]);
      region.repair();
      assertEquals(region.probe({ byteLength: 9 }), Uint8Array.of(0));
    }
  },
};

cases[name]!();
