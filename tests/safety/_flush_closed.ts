/** Flushes that are under way when their region is closed: what was lost is told all the same. */

import { assertEquals, assertRejects } from "@std/assert";
import { type FlushOptions, MappingFaultError, MmapRegion } from "@mmap/mmap";
import { truncate } from "../_fault_child.ts";
import { PAGE } from "../_pages.ts";
import { makeFile } from "../_files.ts";

const dir = Deno.args[0]!;

/** Opens, lets `lose` touch what is gone, and returns the flush of a region that is closed by then. */
function flushAndClose(
  lose: (region: MmapRegion, path: string) => void,
  options: FlushOptions,
): Promise<void> {
  const path = makeFile(dir, 8 * PAGE);
  using region = MmapRegion.open(path, { access: "read-write" });
  lose(region, path);
  return region.flush(options);
}

type Loss = (region: MmapRegion, path: string) => void;

const ALL_LOSSES: Loss[] = [
  (region, path) => {
    truncate(path, PAGE);
    region.bytes[5 * PAGE + 3] = 7;
  },
  (region, path) => {
    const shared = new Uint8Array(region.sharedBuffer());
    truncate(path, PAGE);
    shared[5 * PAGE + 3] = 7;
  },
];
/** Windows has no shared buffers. */
const LOSSES = Deno.build.os === "windows" ? ALL_LOSSES.slice(0, 1) : ALL_LOSSES;

for (const durability of ["memory", "data", "disk"] as const) {
  for (const lose of LOSSES) {
    const flushed = flushAndClose(lose, { durability });
    const error = await assertRejects(() => flushed, MappingFaultError);
    assertEquals([error.byteOffset, error.faults], [5 * PAGE + 3, 1]);
  }
  await flushAndClose(() => {}, { durability });
}

// Lost after the call, before the close.
for (const lose of LOSSES) {
  const path = makeFile(dir, 8 * PAGE);
  const region = MmapRegion.open(path, { access: "read-write" });
  const flushed = region.flush();
  lose(region, path);
  region.close();
  await assertRejects(() => flushed, MappingFaultError);
}

// What was repaired meanwhile is whole.
const path = makeFile(dir, 8 * PAGE);
const region = MmapRegion.open(path, { access: "read-write" });
LOSSES[0]!(region, path);
const flushed = region.flush();
region.repair();
region.close();
await flushed;
