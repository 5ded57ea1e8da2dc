/** Regions that grow while others have them: `refresh`, and growing in place by `reserve`. */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { system } from "../../src/os/mod.ts";
import { guard, usage } from "../_capabilities.ts";
import { Child, resultOf } from "../_child.ts";
import { truncate } from "../_fault_child.ts";
import { fileOf } from "../_regions.ts";
import { makeFile, makeSparseFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { addressOfRegion } from "../_regions.ts";
import { withName } from "./_names.ts";

const PROGRAM = new URL("_children.ts", import.meta.url);

Deno.test(
  "MmapRegion.refresh() follows another process's resize()",
  { ignore: system().name === "darwin" }, // where shared memory keeps its size
  () =>
    withTempDir((dir) =>
      withName(async (name) => {
        const makeRegions = [
          () => MmapRegion.open(makeSparseFile(dir, PAGE), { access: "read-write" }),
          () => MmapRegion.anonymous(PAGE, { resizable: true }),
          () => MmapRegion.named(name, { createNew: true, byteLength: PAGE }),
        ];
        for (const make of makeRegions) {
          using region = make();
          region.bytes[0] = 1;
          await using child = new Child(PROGRAM, { args: ["resize"], env: region.env() });
          assertEquals(await child.readLine(), "attached");
          // On Windows nobody cuts a file that others map.
          const shrinks = system().name !== "windows" || region.kind !== "file";
          for (const byteLength of [5 * PAGE + 10, ...shrinks ? [2 * PAGE] : []]) {
            await child.writeLine(String(byteLength));
            assertEquals(await child.readLine(), String(byteLength));
            const before = region.bytes;
            region.refresh();
            assertEquals([region.byteLength, before.length], [byteLength, 0], region.kind);
            assertEquals([region.bytes[0], region.bytes[byteLength - 1]], [1, 7]);
          }
          region.check();
        }
      })
    ),
);

onBothFileSystems("MmapRegion.refresh() of the same size changes nothing", (dir) => {
  using region = MmapRegion.open(makeFile(dir, PAGE));
  const { bytes } = region;
  region.refresh();
  assertStrictEquals(region.bytes, bytes);
  assertEquals(bytes, pattern(PAGE));
});

onBothFileSystems(
  "MmapRegion.refresh() heals a region whose file was cut and grew again",
  (dir) => {
    const path = makeFile(dir, 3 * PAGE);
    using region = MmapRegion.open(path, { access: "read-write" });
    truncate(path, PAGE);
    assertEquals(region.bytes[2 * PAGE], 0); // absorbed
    region.refresh();
    assertEquals([region.byteLength, region.faults], [PAGE, 1]);
    region.check();
    Deno.truncateSync(path, 2 * PAGE);
    region.refresh();
    region.bytes[PAGE] = 7;
    assertEquals(Deno.readFileSync(path)[PAGE], 7);
  },
  guard,
);

onBothFileSystems(
  "MmapRegion.refresh() throws RangeError if nothing of the region is left",
  (dir) => {
    const path = makeFile(dir, 3 * PAGE);
    using region = MmapRegion.open(path, { byteOffset: PAGE });
    truncate(path, PAGE);
    assertThrows(() => region.refresh(), RangeError, `begins at ${PAGE}`);
    assertEquals(region.byteLength, 2 * PAGE);
  },
);

Deno.test("MmapRegion.refresh() leaves private memory alone", () => {
  using region = MmapRegion.anonymous(PAGE, { sharing: "private" });
  const { bytes } = region;
  region.refresh();
  assertStrictEquals(region.bytes, bytes);
});

const RESERVE = 64 * PAGE;

/** Regions of one page that hold addresses for 64. */
const RESERVED: Record<string, (dir: string, name: string) => MmapRegion> = {
  "a file": (dir) =>
    MmapRegion.open(makeSparseFile(dir, PAGE), { access: "read-write", reserve: RESERVE }),
  "anonymous memory": () => MmapRegion.anonymous(PAGE, { resizable: true, reserve: RESERVE }),
  "private memory": () => MmapRegion.anonymous(PAGE, { sharing: "private", reserve: RESERVE }),
  "named memory": (_dir, name) =>
    MmapRegion.named(name, { createNew: true, byteLength: PAGE, reserve: RESERVE }),
};

/** Runs a test on each of them. */
function onEachReserved(what: string, body: (region: MmapRegion) => void): void {
  for (const [kind, make] of Object.entries(RESERVED)) {
    Deno.test(`reserve ${what}: ${kind}`, () =>
      withTempDir((dir) =>
        withName((name) => {
          using region = make(dir, name);
          body(region);
        })
      ));
  }
}

onEachReserved("keeps the address and the old views while the region grows", (region) => {
  const { buffer } = region;
  const bytes = region.bytes;
  const address = addressOfRegion(region);
  assertEquals([region.byteLength, bytes.length, buffer.byteLength], [PAGE, PAGE, RESERVE]);
  bytes[0] = 1;
  for (const byteLength of [2 * PAGE, 10 * PAGE + 3, RESERVE]) {
    region.resize(byteLength);
    assertEquals([region.byteLength, region.bytes.length], [byteLength, byteLength]);
    assertEquals([addressOfRegion(region), region.buffer], [address, buffer]);
    region.bytes[byteLength - 1] = 7;
    bytes[1]!++;
    assertEquals([bytes.length, region.bytes[0], region.bytes[1]], [PAGE, 1, bytes[1]]);
    assertEquals(new Uint8Array(buffer)[byteLength - 1], 7); // an old view sees the new part
  }
  assertEquals(bytes[1], 3);
  region.check();
});

onEachReserved("ends where it says: then the region moves and its views die", (region) => {
  const { bytes, buffer } = region;
  bytes[0] = 1;
  region.resize(RESERVE + PAGE);
  assertEquals([bytes.length, buffer.byteLength, region.bytes[0]], [0, 0, 1]);
  region.bytes[RESERVE] = 7;
  assertEquals(region.bytes.length, RESERVE + PAGE);
});

onEachReserved("shrinks in place, and what it grows by again is zero", (region) => {
  const address = addressOfRegion(region);
  region.resize(4 * PAGE);
  region.bytes.fill(9);
  region.resize(PAGE + 1);
  region.resize(4 * PAGE);
  assertEquals(addressOfRegion(region), address);
  assertEquals(region.bytes.subarray(0, PAGE + 1), new Uint8Array(PAGE + 1).fill(9));
  assertEquals(region.bytes.subarray(PAGE + 1), new Uint8Array(3 * PAGE - 1));
});

Deno.test(
  "reserve lets a reader follow in place by refresh()",
  () =>
    withTempDir(async (dir) => {
      const path = makeSparseFile(dir, PAGE);
      using region = MmapRegion.open(path, { reserve: RESERVE });
      const { buffer } = region;
      await resultOf(PROGRAM, { args: ["grow", path] });
      region.refresh();
      assertStrictEquals(region.buffer, buffer);
      assertEquals([region.byteLength, region.bytes[2 * PAGE]], [3 * PAGE, 7]);
    }),
);

Deno.test(
  "reserve: what an old view does behind the file's end is absorbed",
  guard,
  () =>
    withTempDir(async (dir) => {
      const path = fileOf(dir);
      const result = await resultOf(PROGRAM, { args: ["useBehindTheEnd", path, RESERVE] });
      assertEquals(result, { read: 0, faults: 1, name: "MappingFaultError", bytes: [0, 0, 6] });
      assertEquals(Deno.readFileSync(path)[8 * PAGE + 2], 6);
    }),
);

Deno.test("reserve takes addresses and no memory", usage, () => {
  using region = MmapRegion.anonymous(PAGE, { reserve: 2 ** 40 });
  region.bytes.fill(1);
  assertEquals(region.stats().resident, PAGE);
  assertEquals(region.buffer.byteLength, 2 ** 40);
});
