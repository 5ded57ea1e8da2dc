/** More faults than the system allows mappings. Each action gets a directory. */

import { assert, assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { act, scope, startWorker } from "../_act.ts";
import { assertFault, truncate } from "../_fault_child.ts";
import { makeFile, pattern } from "../_files.ts";
import { PAGE } from "../_pages.ts";

/** What a process needs that goes on: memory, threads, and mappings of its own. */
async function goOn(): Promise<void> {
  const held = Array.from(
    { length: 40 },
    (_, i) => Array.from({ length: 50000 }, (_, j) => [i, j]),
  );
  assertEquals(held[39]![49999], [39, 49999]);
  const { worker, next } = startWorker(import.meta.url, "answer");
  assertEquals(await next(), 1);
  worker.terminate();
  MmapRegion.anonymous(PAGE).close();
}

const mappings = (): number => Deno.readTextFileSync("/proc/self/maps").split("\n").length;

const BIG = 600 * 2 ** 20;

await act({
  async readCutOff(dir: string): Promise<void> {
    const path = makeFile(dir, pattern(PAGE));
    truncate(path, BIG);
    using region = MmapRegion.open(path, { access: "read-write" });
    using before = MmapRegion.anonymous(PAGE);
    before.bytes.fill(5);
    truncate(path, PAGE);
    const { bytes } = region;
    let sum = 0;
    for (let at = PAGE; at < BIG; at += 2 * PAGE) sum += bytes[at]!;
    const limit = Number(Deno.readTextFileSync("/proc/sys/vm/max_map_count"));
    assert(BIG / PAGE > limit);
    assertEquals(sum, 0);
    assertFault(() => region.check(), path, PAGE, region.faults);
    assert(mappings() < 10000);
    await goOn();
    assertEquals(bytes.subarray(0, PAGE), pattern(PAGE)); // what is there stays shared
    bytes[1] = 99;
    assertEquals(Deno.readFileSync(path)[1], 99);
    truncate(path, BIG);
    region.repair();
    region.check();
    bytes[BIG - 1] = 7;
    using other = MmapRegion.open(path, { byteOffset: BIG - PAGE });
    assertEquals([other.bytes[PAGE - 1], before.bytes[0]], [7, 5]);
    await goOn();
  },

  async writeCutOff(dir: string): Promise<void> {
    const path = makeFile(dir, pattern(PAGE));
    truncate(path, BIG);
    using region = MmapRegion.open(path, { access: "read-write" });
    truncate(path, PAGE);
    const { bytes } = region;
    let sum = 0;
    for (let at = PAGE; at < BIG; at += PAGE) sum += bytes[at]!;
    for (let at = PAGE; at < BIG; at += 2 * PAGE) bytes[at] = 1;
    assert(mappings() < 30000);
    await goOn();
    for (let at = PAGE; at < BIG; at += PAGE) sum += bytes[at]!;
    assertEquals(sum, (BIG / PAGE) / 2);
  },

  async keepWritten(dir: string): Promise<void> {
    const pages = 20000;
    const path = makeFile(dir, 1);
    truncate(path, pages * PAGE);
    using region = MmapRegion.open(path, { access: "read-write" });
    truncate(path, PAGE);
    const { bytes } = region;
    // From the end to the beginning: every replacement meets pages that are in use already.
    for (let page = pages - 1; page >= 1; page -= 3) bytes[page * PAGE] = page & 0xff;
    for (let page = pages - 2; page >= 1; page -= 3) bytes[page * PAGE] = page & 0xff;
    for (let page = pages - 1; page >= 1; page--) {
      if ((pages - 1 - page) % 3 !== 2) assertEquals(bytes[page * PAGE], page & 0xff, String(page));
    }
    await goOn();
  },

  async writeStray(dir: string): Promise<void> {
    const path = makeFile(dir, pattern(PAGE));
    truncate(path, BIG);
    using region = MmapRegion.open(path);
    const { bytes } = region;
    for (let at = 0; at < BIG; at += 2 * PAGE) bytes[at] = 1;
    assertFault(() => region.check(), path, 0, region.faults);
    await goOn();
    assert(mappings() < 30000);
    region.repair();
    region.check();
    assertEquals(bytes.subarray(0, PAGE), pattern(PAGE));
    assertEquals([bytes[2 * PAGE], bytes[BIG - 2 * PAGE]], [0, 0]);
    await goOn();
  },

  /** In a Worker. */
  answer(): void {
    scope.postMessage(1);
  },
});
