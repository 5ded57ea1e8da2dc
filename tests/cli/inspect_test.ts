/** `inspect()`: what each kind is, and who uses it. */

import { assertEquals, assertRejects } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { inspect, type Inspection } from "@mmap/mmap/cli";
import { Channel } from "@mmap/mmap/channel";
import { AppendLog, SharedMap } from "@mmap/mmap/collections";
import { resultOf } from "../_child.ts";
import { observing } from "../_capabilities.ts";
import { truncateMeanwhile } from "../_fault_child.ts";
import { makeFile, onBothFileSystems, withTempDir } from "../_files.ts";
import { handleCount } from "../_windows_holdings.ts";
import { KIND_NAMES, makeKinds, SHAPE } from "./_kinds.ts";
import { layoutFile, PEER, peer } from "./_inspected_child.ts";

/** What each kind must tell of what `_kinds.ts` has made. */
const FIELDS: Record<typeof KIND_NAMES[number], Record<string, unknown>> = {
  channel: {
    version: 3,
    capacity: 65536,
    messages: 4,
    sentByteLength: 560,
    receivedByteLength: 112,
    queuedByteLength: 448,
    state: "open",
    producers: "single",
    messageLayout: null,
  },
  broadcast: { capacity: 4096, next: 100, publishedByteLength: 11400, state: "open" },
  latest: { valueByteLength: 100, written: 1 },
  server: { offers: 0, ringCapacity: 262144 },
  map: { size: 19, capacity: 20, maxKeyByteLength: 64, valueByteLength: 256, full: 0.95 },
  log: { records: 2, recordByteLength: 224, committedByteLength: 112 },
  array: { length: 3, elementByteLength: 4 },
  cache: { shards: 1, hits: 1, misses: 1, sets: 1, evicted: 0, computing: 0 },
  layout: { version: 1, layoutByteLength: SHAPE.byteLength },
};

onBothFileSystems("inspect() tells each kind by its header, and how full it is", async (dir) => {
  await using _kinds = await makeKinds(dir);
  for (const kind of KIND_NAMES) {
    using region = MmapRegion.open(`${dir}/${kind}`);
    const found = await inspect(region);
    assertEquals([found.kind, found.problems], [kind, []]);
    const wanted = FIELDS[kind];
    const seen = Object.fromEntries(Object.keys(wanted).map((name) => [name, found[name]]));
    if (kind !== "broadcast") assertEquals(seen, wanted);
    else assertEquals({ ...seen, publishedByteLength: 0 }, { ...wanted, publishedByteLength: 0 });
    assertEquals(found.byteLength, region.byteLength);
  }
});

Deno.test("inspect() tells the parts of a layout by their names", () =>
  withTempDir(async (dir) => {
    await using _kinds = await makeKinds(dir);
    using region = MmapRegion.open(`${dir}/layout`);
    const { parts } = await inspect(region);
    const seen = (parts as Record<string, unknown>[]).map((
      { name, kind, state, type },
    ) => [name, kind, state ?? type]);
    assertEquals(seen, [
      ["mutex", "mutex", "free"],
      ["config", "rwlock", "free"],
      ["ready", "event", "set"],
      ["slots", "semaphore", "3 free"],
      ["gate", "barrier", "0 of 3 are here, round 0"],
      ["once", "once", "not run"],
      ["hits", "array", "f64[16]"],
    ]);
  }));

Deno.test(
  "inspect() tells who writes a log, until that closes it",
  observing,
  () =>
    withTempDir(async (dir) => {
      const log = AppendLog.open(`${dir}/log`, { create: true });
      log.append(new Uint8Array(1));
      using region = MmapRegion.open(`${dir}/log`);
      const writer = async (): Promise<unknown> => (await inspect(region)).writerPid;
      assertEquals(await writer(), Deno.pid);
      using other = AppendLog.open(`${dir}/log`, { access: "read" });
      assertEquals(await writer(), Deno.pid);
      log.close();
      assertEquals([await writer(), other.byteLength > 0], [null, true]);
    }),
);

Deno.test("inspect() tells what lies further behind in a region", async () => {
  using region = MmapRegion.anonymous(65536);
  using channel = Channel.over(region, 4096, { capacity: 4096 });
  channel.sendSync(new Uint8Array(1));
  const { kind, inside } = await inspect(region);
  assertEquals([kind, inside], ["region", [{ byteOffset: 4096, kind: "channel" }]]);
});

Deno.test(
  "inspect() takes no token of the region's object, and opens nothing",
  observing,
  () =>
    withTempDir(async (dir) => {
      const path = layoutFile(dir);
      await using _holder = await peer("hold", path);
      using region = MmapRegion.open(path, { access: "read-write" });
      if (Deno.build.os === "windows") return await inspectsWithoutHandles(region);
      // Of this file alone: other tests run beside this one.
      const descriptors = (): string[] =>
        [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name)
          .filter((fd) => linkOrNothing(`/proc/self/fd/${fd}`) === path);
      await inspect(region);
      const before = descriptors();
      assertEquals(before.length, 1);
      await inspect(region);
      assertEquals(descriptors(), before);
      const tokens = before.filter((fd) =>
        readOrNothing(`/proc/self/fdinfo/${fd}`).includes("OFDLCK")
      );
      assertEquals(tokens, []);
    }),
);

/** A token is a handle there, and no other test runs in this process. */
async function inspectsWithoutHandles(region: MmapRegion): Promise<void> {
  await inspect(region); // which opens the table of sleepers
  const before = handleCount();
  await inspect(region);
  assertEquals(handleCount(), before);
}

function linkOrNothing(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return ""; // the descriptor that read the directory
  }
}

function readOrNothing(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

Deno.test("inspect() of damaged memory tells of the damage, and changes nothing", () =>
  withTempDir(async (dir) => {
    await using _kinds = await makeKinds(dir);
    for (const seed of [1, 77]) {
      const found = await resultOf(PEER, { args: ["damage", dir, seed, 80] });
      const isSeen = Object.values<number>(found).map((count) => count > 0);
      assertEquals(isSeen, KIND_NAMES.map(() => true), JSON.stringify(found));
    }
  }));

Deno.test(
  "inspect() of a region whose file was cut off tells which pages are missing",
  observing,
  () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, new Uint8Array(65536));
      using region = MmapRegion.open(path);
      await truncateMeanwhile(path, 8192);
      const { problems } = await inspect(region);
      assertEquals(problems, ["pages are missing from byte 8192 on"]);
      await truncateMeanwhile(path, 0);
      assertEquals((await inspect(region)).kind, "region");
      assertEquals(region.faults, 0);
    }),
);

Deno.test("inspect() throws BadResource if the region is closed", async () => {
  const region = MmapRegion.anonymous(4096);
  region.close();
  await assertRejects(() => inspect(region), Deno.errors.BadResource);
});

Deno.test("inspect() tells the capacity of a map that was resized", () =>
  withTempDir(async (dir) => {
    using map = SharedMap.open(`${dir}/map`, { create: true, capacity: 10 });
    map.resize(1000);
    for (let i = 0; i < 20; i++) map.set(`${i}`, new Uint8Array(1));
    using region = MmapRegion.open(`${dir}/map`);
    const found = await inspect(region) as Inspection & Record<string, unknown>;
    assertEquals([found.kind, found["size"], found["capacity"]], ["map", 20, 1000]);
  }));
