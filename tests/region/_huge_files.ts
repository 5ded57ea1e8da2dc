/**
 * Regions of files that are made of huge pages. The argument is where such a file system is to be
 * mounted; this process has a mount namespace of its own.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { mapsOf } from "../_process.ts";

const HUGE = 2 ** 21;
const access = "read-write";
const [dir] = Deno.args as [string];
const path = join(dir, "huge.bin");

function create(byteLength: number): MmapRegion {
  Deno.openSync(path, { create: true, write: true }).close();
  return MmapRegion.open(path, { access, create: true, byteLength });
}

/** What is mapped of the file, as start and end. */
function ranges(): [number, number][] {
  return mapsOf("huge.bin").map((line) => {
    const [start, end] = line.split(" ")[0]!.split("-").map((hex) => parseInt(hex, 16));
    return [start!, end!];
  });
}

function testLength(byteLength: number): void {
  const region = create(byteLength);
  region.bytes[byteLength - 1] = 7;
  for (const [start, end] of ranges()) assertEquals([start % HUGE, end % HUGE], [0, 0]);
  region.close();
  assertEquals(ranges(), []);
  for (let i = 0; i < 20; i++) MmapRegion.open(path, { byteLength }).close();
  assertEquals(ranges(), []);
}

function testTruncated(byteLength: number): void {
  const region = create(byteLength);
  region.bytes.fill(3);
  Deno.truncateSync(path, 0);
  assertEquals([region.bytes[0], region.faults], [0, 1]);
  region.bytes[5] = 9;
  assertEquals([region.bytes[5], region.faults], [9, 1]);
  assertThrows(() => region.check(), MappingFaultError);
  region.close();
  assertEquals(ranges(), []);
}

function testStrayWrite(): void {
  const region = create(3 * HUGE);
  region.bytes.fill(3);
  region.protect("read");
  assertThrows(() => region.protect("read", { byteOffset: 4096 }), RangeError, `${HUGE}`);
  region.bytes[HUGE + 5] = 9;
  assertEquals([region.bytes[HUGE + 5], region.faults], [9, 1]);
  assert(region.bytes.every((byte, i) => byte === (i === HUGE + 5 ? 9 : 3)));
  region.repair();
  assert(region.bytes.every((byte) => byte === 3));
  region.close();
  assertEquals(ranges(), []);
}

function testResize(): void {
  const region = create(HUGE);
  region.bytes.fill(3);
  for (const byteLength of [3 * HUGE + 5, 2 * HUGE, 100, HUGE]) {
    region.resize(byteLength);
    assertEquals([region.byteLength, region.bytes[99]], [byteLength, 3]);
    for (const [start, end] of ranges()) assertEquals([start % HUGE, end % HUGE], [0, 0]);
  }
  // More than there is of huge pages.
  assertThrows(() => region.resize(2 ** 45));
  assertEquals([region.byteLength, region.bytes[99], ranges().length], [HUGE, 3, 1]);
  assertThrows(() => region.sharedBuffer(), Deno.errors.NotSupported, "huge pages");
  region.close();
  assertEquals(ranges(), []);
}

function testPrivate(): void {
  Deno.removeSync(path);
  create(HUGE).close();
  const region = MmapRegion.open(path, { access: "copy-on-write", byteOffset: 4096 });
  region.bytes[0] = 77;
  assertEquals([region.bytes[0], region.byteLength], [77, HUGE - 4096]);
  region.close();
  assertEquals(ranges(), []);
}

/** Lets the system make huge pages when they are asked for, in one such process at a time. */
function withHugePages(body: () => void): void {
  using setting = Deno.openSync("/proc/sys/vm/nr_overcommit_hugepages", {
    read: true,
    write: true,
  });
  setting.lockSync(true);
  const before = Deno.readTextFileSync("/proc/sys/vm/nr_overcommit_hugepages").trim();
  const write = (text: string): void => {
    setting.seekSync(0, Deno.SeekMode.Start);
    setting.writeSync(new TextEncoder().encode(text));
  };
  write(`${Math.max(16, Number(before))}`);
  try {
    body();
  } finally {
    write(before);
  }
}

const mount = ["-t", "hugetlbfs", "-o", "pagesize=2M", "none", dir];
assert(new Deno.Command("mount", { args: mount }).outputSync().success);
withHugePages(() => {
  for (const byteLength of [100, 4096, HUGE, HUGE + 5]) testLength(byteLength);
  for (const byteLength of [100, HUGE]) testTruncated(byteLength);
  testStrayWrite();
  testResize();
  testPrivate();
  Deno.removeSync(path);
});
