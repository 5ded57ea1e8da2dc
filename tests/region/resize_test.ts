/** Growing and shrinking: content, size of the object, and old views. */

import { assertEquals, assertNotStrictEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { linux, proc } from "../_capabilities.ts";
import { resultOf } from "../_child.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { makeFile, onBothFileSystems, pattern, withTempDir, ZERO_DEVICE } from "../_files.ts";
import { PAGE, rightsAt } from "../_pages.ts";
import { addressOfRegion, fileOf, KINDS, ODD_OFFSET, ROOM } from "../_regions.ts";
import { withLibc } from "../_libc.ts";
import { makeGate, withSystem } from "../_fake_system.ts";

const PROGRAM = new URL("_children.ts", import.meta.url);

/** Grows and shrinks a filled region; its content must be kept and what is gained be zeros. */
function growAndShrink(region: MmapRegion, lengths: number[]): void {
  let expected = pattern(region.byteLength);
  region.bytes.set(expected);
  for (const length of lengths) {
    const kept = expected.subarray(0, length);
    region.resize(length);
    expected = new Uint8Array(length);
    expected.set(kept);
    assertEquals(region.byteLength, length);
    assertEquals(region.bytes, expected, `resized to ${length}`);
  }
}

for (const { name, make, writesFile } of KINDS) {
  onBothFileSystems(`MmapRegion.resize() of ${name} grows and keeps the content`, (dir) => {
    using region = make(dir, PAGE + 10);
    growAndShrink(region, [PAGE + 11, 3 * PAGE, 3 * PAGE + 1, 64 * PAGE]);
  });

  onBothFileSystems(`MmapRegion.resize() of ${name} shrinks and keeps the content`, (dir) => {
    using region = make(dir, 64 * PAGE);
    growAndShrink(region, [5 * PAGE, 5 * PAGE - 1, PAGE, 1]);
  });

  onBothFileSystems(
    `MmapRegion.resize() of ${name} works without mremap, too`,
    (dir) =>
      withLibc({ mremap: null }, () => {
        using region = make(dir, PAGE + 10);
        growAndShrink(region, [PAGE, 40 * PAGE + 3, 2 * PAGE]);
      }),
  );

  onBothFileSystems(`MmapRegion.resize() of ${name} works after a partial protect()`, (dir) => {
    using region = make(dir, 8 * PAGE);
    const lead = region.bytes.byteOffset % PAGE;
    region.bytes.set(pattern(8 * PAGE));
    region.protect("none", { byteOffset: 2 * PAGE - lead, byteLength: PAGE });
    region.protect("read", { byteOffset: 4 * PAGE - lead, byteLength: PAGE });
    region.resize(32 * PAGE);
    assertEquals(region.bytes.subarray(0, 8 * PAGE), pattern(8 * PAGE));
    if (!proc.ignore) {
      for (const page of [2, 4]) {
        assertEquals(rightsAt(addressOfRegion(region) + BigInt(page * PAGE))?.slice(0, 2), "rw");
      }
    }
    region.bytes.fill(9);
    assertEquals([region.bytes[5 * PAGE], region.faults], [9, 0]);
  });

  if (!writesFile) continue;
  onBothFileSystems(`MmapRegion.resize() of ${name} gives the file its size`, (dir) => {
    using region = make(dir, 100);
    const start = region.byteOffset;
    for (const length of [3 * PAGE, 77]) {
      region.resize(length);
      assertEquals(Deno.statSync(fileOf(dir)).size, start + length);
      region.bytes[length - 1] = length & 0xff;
      assertEquals(Deno.readFileSync(fileOf(dir)).at(-1), length & 0xff);
    }
  });
}

/** Regions that may move: those with a `reserve` keep their views. */
const MOVING = KINDS.filter(({ name }) => !linux.ignore || name !== "anonymous shared memory");

for (const { name, make } of MOVING) {
  onBothFileSystems(`MmapRegion.resize() of ${name} leaves old views dead`, (dir) => {
    using region = make(dir, 2 * PAGE);
    for (const length of [4 * PAGE, PAGE, PAGE]) {
      const { bytes, buffer } = region;
      const words = region.view(Uint8Array, 8);
      const data = region.dataView();
      region.resize(length);
      assertEquals([bytes.length, words.length, buffer.byteLength], [0, 0, 0]);
      assertEquals(bytes[0], undefined);
      assertThrows(() => data.getUint8(0), TypeError);
      assertNotStrictEquals(region.bytes, bytes);
    }
  });
}

onBothFileSystems("MmapRegion.resize() of a window leaves what lies behind it alone", (dir) => {
  const path = makeFile(dir, 10 * PAGE);
  const all = pattern(10 * PAGE);
  const start = ODD_OFFSET;
  using region = MmapRegion.open(path, {
    access: "read-write",
    byteOffset: start,
    byteLength: 2 * PAGE,
  });
  for (const length of [5 * PAGE, 100, 10 * PAGE - start, 50]) {
    region.resize(length);
    assertEquals(region.bytes, all.subarray(start, start + length));
    // Now and then it reaches to the end; only then does shrinking cut the file.
    if (length !== 50) assertEquals(Deno.readFileSync(path), all);
  }
  assertEquals(Deno.readFileSync(path), all.subarray(0, start + 50));
});

onBothFileSystems(
  "MmapRegion.resize() of a read-only region follows a file that has grown",
  (dir) => {
    const path = makeFile(dir, PAGE + 10);
    using region = MmapRegion.open(path);
    assertThrows(() => region.resize(PAGE + 11), RangeError, "Cannot resize region as it must lie");
    assertEquals(region.bytes, pattern(PAGE + 10));
    Deno.writeFileSync(path, Uint8Array.of(1, 2, 3), { append: true });
    region.resize(PAGE + 13);
    assertEquals([...region.bytes.subarray(PAGE + 9)], [pattern(PAGE + 10)[PAGE + 9], 1, 2, 3]);
    region.resize(10);
    assertEquals([region.byteLength, Deno.statSync(path).size], [10, PAGE + 13]);
  },
);

onBothFileSystems("MmapRegion.resize() of a copy-on-write region never changes the file", (dir) => {
  const path = makeFile(dir, 2 * PAGE);
  using region = MmapRegion.open(path, { access: "copy-on-write" });
  region.bytes.fill(9);
  region.resize(PAGE);
  assertThrows(() => region.resize(2 * PAGE + 1), RangeError);
  region.resize(2 * PAGE);
  // The first page kept its changes; the second one was given up and is the file's again.
  assertEquals(region.bytes, pattern(2 * PAGE).fill(9, 0, PAGE));
  assertEquals(Deno.readFileSync(path), pattern(2 * PAGE));
});

Deno.test("MmapRegion.resize() of private memory reads zeros where it shrank and grew again", () => {
  using region = MmapRegion.anonymous(3 * PAGE, { sharing: "private" });
  for (const length of [PAGE + 10, 10, 2 * PAGE]) {
    region.bytes.fill(9);
    const { byteLength } = region;
    region.resize(length);
    region.resize(3 * PAGE);
    const kept = Math.min(length, byteLength);
    assertEquals(region.bytes, new Uint8Array(3 * PAGE).fill(9, 0, kept));
  }
});

Deno.test("MmapRegion.resize() of shared memory reads zeros where it shrank and grew again", () => {
  using region = MmapRegion.anonymous(3 * PAGE, { resizable: true });
  region.bytes.fill(9);
  region.resize(10);
  region.resize(3 * PAGE);
  assertEquals(region.bytes, new Uint8Array(3 * PAGE).fill(9, 0, 10));
});

Deno.test("MmapRegion.resize() of shared memory takes no memory before it is touched", () => {
  using region = MmapRegion.anonymous(PAGE, ROOM);
  region.bytes[0] = 9;
  region.resize(1000 * PAGE);
  const { pages, residentPages } = region.residency();
  assertEquals([pages, residentPages], [1000, 1]);
});

Deno.test("MmapRegion.resize() throws PermissionDenied EPERM if the size is sealed against shrinking", () => {
  using region = MmapRegion.anonymous(2 * PAGE, ROOM);
  region.bytes.fill(9);
  assertThrowsSystem(
    () => region.resize(PAGE),
    Deno.errors.PermissionDenied,
    "EPERM",
    "ftruncate",
  );
  assertEquals(region.bytes, new Uint8Array(2 * PAGE).fill(9));
  region.resize(3 * PAGE);
  assertEquals(region.byteLength, 3 * PAGE);
});

Deno.test("MmapRegion.resize() throws for a length that is none", () => {
  using region = MmapRegion.anonymous(PAGE);
  for (const length of [0, -1, 1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => region.resize(length), RangeError, "Cannot resize region as byteLength");
  }
  for (const length of ["1", null, 1n, undefined] as unknown[]) {
    assertThrows(() => region.resize(length as number), TypeError);
  }
  assertEquals(region.byteLength, PAGE);
});

Deno.test("MmapRegion.lines() and readable() end where a region that shrank meanwhile ends", async () => {
  // In a child: beyond that end there may be no memory at all.
  const result = await resultOf(PROGRAM, { args: ["readShrinking"] });
  const once = [10, 4, 4, true, 4, 4, 3];
  assertEquals(result, [...once, ...once]);
});

for (const pending of ["flush", "populate"] as const) {
  Deno.test(`MmapRegion.resize() throws Busy while a ${pending}() is under way`, () =>
    withTempDir(async (dir) => {
      const gate = makeGate();
      await withSystem(pending === "flush" ? gate.flushing : gate.populating, async () => {
        using region = MmapRegion.open(makeFile(dir, PAGE), { access: "read-write" });
        const { bytes } = region;
        const ended = region[pending]();
        await gate.called;
        assertThrows(() => region.resize(2 * PAGE), Deno.errors.Busy, "is under way");
        assertThrows(() => region.resize(1), Deno.errors.Busy, "is under way");
        assertEquals([bytes.length, Deno.statSync(`${dir}/data.bin`).size], [PAGE, PAGE]);
        gate.end();
        await ended;
        region.resize(2 * PAGE);
        assertEquals(region.byteLength, 2 * PAGE);
      });
    }));
}

Deno.test({
  name: "MmapRegion.resize() throws NotSupported for a device",
  fn(): void {
    using region = MmapRegion.open(ZERO_DEVICE, { access: "read-write", byteLength: PAGE });
    assertThrows(() => region.resize(2 * PAGE), Deno.errors.NotSupported, "a mapping of a device");
    assertEquals(region.byteLength, PAGE);
  },
});
