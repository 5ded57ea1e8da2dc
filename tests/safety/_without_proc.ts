/** Regions that are healed after /proc has gone. The guard was there before. */

import { assertEquals, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { AppendLog } from "@mmap/mmap/collections";
import { PAGE } from "../_pages.ts";
import { makeFile, pattern } from "../_files.ts";

const dir = Deno.args[0]!;
MmapRegion.open(makeFile(dir, PAGE)).close(); // installs the guard
assertEquals(new Deno.Command("umount", { args: ["-l", "/proc"] }).outputSync().success, true);
assertThrows(() => Deno.statSync("/proc/self"), Deno.errors.NotFound);

// Nothing tells which boot of the machine this is.
for (const expected of [0, 1, 2]) {
  using log = AppendLog.open(`${dir}/log`, { create: true });
  assertEquals([...log.entries()].length, expected);
  log.append(new Uint8Array([expected]));
}

/** Grows the file again, without emptying it first. */
function fill(path: string, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true });
  assertEquals(file.writeSync(bytes), bytes.length);
}

function lost(region: MmapRegion): void {
  assertThrows(() => region.check(), MappingFaultError);
}

for (
  const [name, heal] of [
    ["repair", (region: MmapRegion) => region.repair()],
    ["resize", (region: MmapRegion) => region.resize(9 * PAGE)],
  ] as const
) {
  const path = makeFile(dir, 8 * PAGE);
  using region = MmapRegion.open(path, { access: "read-write" });
  const shared = new Uint8Array(region.sharedBuffer());
  Deno.truncateSync(path, 2 * PAGE);
  region.bytes[5 * PAGE] = 1;
  shared[6 * PAGE] = 2;
  lost(region);
  fill(path, pattern(8 * PAGE, 50));
  heal(region);
  region.check();
  assertEquals(region.bytes.subarray(0, 8 * PAGE), pattern(8 * PAGE, 50), name);
  assertEquals(shared.subarray(0, 8 * PAGE), pattern(8 * PAGE, 50), name);
  shared[7 * PAGE] = 3;
  assertEquals([region.bytes[7 * PAGE], Deno.readFileSync(path)[7 * PAGE]], [3, 3]);
}

// Private changes stay, also between pages that were lost; what is not the file's goes.
for (const heal of [(r: MmapRegion) => r.repair(), (r: MmapRegion) => r.resize(7 * PAGE)]) {
  const path = makeFile(dir, 8 * PAGE);
  using region = MmapRegion.open(path, { access: "copy-on-write" });
  region.bytes[PAGE] = 200;
  Deno.truncateSync(path, 2 * PAGE);
  region.bytes[3 * PAGE] = 1;
  assertEquals(region.bytes[5 * PAGE], 0);
  fill(path, pattern(8 * PAGE, 50));
  region.bytes[4 * PAGE] = 201;
  region.bytes[6 * PAGE] = 202;
  lost(region);
  heal(region);
  region.check();
  const expected = pattern(8 * PAGE, 50).subarray(0, region.byteLength);
  expected.set(pattern(2 * PAGE).subarray(PAGE), PAGE); // copied before the file changed
  expected[PAGE] = 200;
  expected[4 * PAGE] = 201;
  expected[6 * PAGE] = 202;
  assertEquals(region.bytes, expected);
}

// A stray write.
{
  using region = MmapRegion.open(makeFile(dir, 2 * PAGE));
  region.bytes[0] = 255;
  lost(region);
  region.repair();
  assertEquals([region.bytes, region.faults], [pattern(2 * PAGE), 1]);
  const sentence = "Cannot read statistics as there is no /proc/self/smaps here";
  assertThrows(() => region.stats(), Deno.errors.NotSupported, sentence);
}
