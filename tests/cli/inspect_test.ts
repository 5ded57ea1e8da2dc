/** `mmap inspect` and `inspect()`: what each kind is, who uses it, who holds and who waits. */

import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { inspect, type Inspection } from "@mmap/mmap/cli";
import { Channel } from "@mmap/mmap/channel";
import { SharedMap } from "@mmap/mmap/collections";
import { BELL_SLEEPERS } from "../../src/channel/layout.ts";
import { Child, KILLED, resultOf } from "../_child.ts";
import { observing } from "../_capabilities.ts";
import { truncateMeanwhile } from "../_fault_child.ts";
import { makeFile, onBothFileSystems, withTempDir } from "../_files.ts";
import { handleCount } from "../_windows_holdings.ts";
import { readPage } from "../_markdown.ts";
import { mainThreadOf, mmap, mmapJson, mmapPrints } from "./_cli.ts";
import { KIND_NAMES, makeKinds, SHAPE } from "./_kinds.ts";

const IS_WINDOWS = Deno.build.os === "windows";
const PEER = new URL("_inspected.ts", import.meta.url);

/** A child that is ready. */
async function peer(...args: unknown[]): Promise<Child> {
  const child = new Child(PEER, { args });
  assertEquals(await child.readLine(), "ready");
  return child;
}

/** A file with a layout that nobody uses yet. */
function layoutFile(dir: string): string {
  const path = `${dir}/layout`;
  using region = MmapRegion.open(path, {
    access: "read-write",
    create: true,
    byteLength: SHAPE.byteLength,
  });
  SHAPE.create(region);
  return path;
}

/** Longer than anything here takes that goes well. */
const PATIENCE_MS = 40_000;

/** Looks until it sees what it waits for. */
async function inspectUntil(
  path: string,
  isIt: (found: Inspection) => boolean,
): Promise<Inspection> {
  using region = MmapRegion.open(path);
  for (const start = performance.now(); performance.now() - start < PATIENCE_MS;) {
    const found = await inspect(region);
    if (isIt(found)) return found;
  }
  throw new Error(`It was not seen within ${PATIENCE_MS} ms`);
}

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
  "mmap inspect tells of each kind who has it open, and finds nothing wrong",
  observing,
  () =>
    withTempDir(async (dir) => {
      await using child = await peer("kinds", dir);
      for (const kind of KIND_NAMES) {
        const target = `${dir}/${kind}`;
        const before = contentOf(target);
        const found = await mmapJson(["inspect", target, "--check", "--full", "95"]);
        assertEquals([found.target, found.kind, found.problems], [target, kind, []]);
        assertEquals(found.mappedBy.map(({ pid }: { pid: number }) => pid), [child.pid]);
        assertStringIncludes(found.mappedBy[0].command, "_inspected.ts");
        const now = contentOf(target);
        const changed = now.findIndex((byte, i) => byte !== before[i]);
        assertEquals([kind, changed, now.length], [kind, -1, before.length]);
      }
      const pidOf = async (kind: string, field: string): Promise<unknown> =>
        (await mmapJson(["inspect", `${dir}/${kind}`]))[field];
      assertEquals(await pidOf("log", "writerPid"), child.pid);
      assertEquals(await pidOf("broadcast", "writerPid"), child.pid);
      assertEquals(await pidOf("server", "serverPid"), child.pid);
      assertEquals(await pidOf("channel", "ends"), [
        { pid: child.pid, role: "producer and consumer", alive: true },
      ]);
    }),
);

/** On Windows a server that nobody calls counts itself as awake from time to time. */
function contentOf(path: string): Uint8Array {
  const bytes = Deno.readFileSync(path);
  if (IS_WINDOWS && path.endsWith("server")) {
    bytes.fill(0, 4 * BELL_SLEEPERS, 4 * BELL_SLEEPERS + 4);
  }
  return bytes;
}

Deno.test(
  "mmap inspect prints lines for people, and mmap info the same",
  observing,
  () =>
    withTempDir(async (dir) => {
      await using child = await peer("kinds", dir);
      const text = await mmapPrints(["inspect", `${dir}/channel`, "--once"]);
      assertMatch(text, /^kind +channel, version 3$/m);
      assertMatch(text, /^queued +448 B of 64\.0 KiB \(1 %\) \.{20} 4 messages$/m);
      assertMatch(text, new RegExp(`^producers +single: ${child.pid} deno _inspected.ts$`, "m"));
      assertMatch(text, new RegExp(`^mapped by +${child.pid} deno _inspected.ts$`, "m"));
      const layout = await mmapPrints(["inspect", `${dir}/layout`]);
      assertMatch(layout, /^ *\d+ {2}slots +semaphore +3 free$/m);
      assertEquals(await mmapPrints(["info", `${dir}/layout`]), layout);
    }),
);

Deno.test(
  "mmap inspect tells who holds a lock, who blocks for it and who awaits it",
  observing,
  () =>
    withTempDir(async (dir) => {
      const path = layoutFile(dir);
      await using holder = await peer("hold", path);
      await using blocked = await peer("block", path);
      await using awaiting = await peer("awaitWriting", path);
      const { locks } = await inspectUntil(
        path,
        ({ locks }) =>
          locks.some(({ kind, waiters }) => kind === "mutex" && waiters?.length === 1) &&
          locks.some(({ kind, waiters }) => kind === "rwlock-writer" && waiters?.length === 1),
      );
      const held = { pid: holder.pid, tid: await mainThreadOf(holder.pid), alive: true };
      const found = locks.map(({ name, kind, holder, waiters }) => ({
        name,
        kind,
        holder,
        waiters,
      }));
      assertEquals(found, [
        { name: "mutex", kind: "mutex", holder: held, waiters: [blocked.pid] },
        { name: "config", kind: "rwlock-writer", holder: null, waiters: [awaiting.pid] },
        { name: "config", kind: "rwlock-reader", holder: held, waiters: [] },
        { name: "config", kind: "rwlock-reader", holder: held, waiters: [] },
        { name: "gate", kind: "turn", holder: null, waiters: [] },
        { name: "once", kind: "once", holder: null, waiters: [] },
      ]);
      const text = await mmapPrints(["inspect", path]);
      const people = [holder.pid, blocked.pid].map((pid) => `${pid} deno _inspected.ts`);
      assertMatch(text, new RegExp(`^ *\\d+ +mutex +mutex +${people.join(" +")}$`, "m"));
    }),
);

Deno.test("mmap inspect --check exits with 3 if a holder is dead, and says so", () =>
  withTempDir(async (dir) => {
    const path = layoutFile(dir);
    assertEquals((await mmap(["inspect", path, "--check"])).code, 0);
    await using holder = await peer("hold", path);
    assertEquals((await mmap(["inspect", path, "--check"])).code, 0);
    holder.kill();
    const { code, signal } = await holder.ended();
    assertEquals({ code, signal }, KILLED);
    const { code: exit, stdout } = await mmap(["inspect", path, "--check", "--json"]);
    const { problems, locks } = JSON.parse(stdout);
    assertEquals([exit, problems], [3, [
      "mutex: its holder is dead",
      "config for reading: its holder is dead",
    ]]);
    assertEquals(locks[0].holder, { pid: null, tid: locks[0].holder.tid, alive: false });
    assertEquals((await mmap(["inspect", path])).code, 0);
    assertMatch(await mmapPrints(["inspect", path]), /^PROBLEMS +mutex: its holder is dead; /m);
  }));

Deno.test("mmap inspect --check exits with 3 if an end of a channel is dead", () =>
  withTempDir(async (dir) => {
    await using child = await peer("kinds", dir);
    child.kill();
    await child.ended();
    for (const kind of ["channel", "broadcast", "server"]) {
      const { code, stdout } = await mmap(["inspect", `${dir}/${kind}`, "--check"]);
      assertEquals([kind, code], [kind, 3], stdout);
      assertMatch(stdout, /^PROBLEMS .* dead/m);
    }
  }));

Deno.test("mmap inspect --check exits with 3 from a share of --full on, by default 90 %", () =>
  withTempDir(async (dir) => {
    await using _kinds = await makeKinds(dir);
    const codeOf = async (...args: string[]): Promise<number> =>
      (await mmap(["inspect", ...args])).code;
    assertEquals(await codeOf(`${dir}/map`), 0);
    assertEquals(await codeOf(`${dir}/map`, "--check"), 3);
    assertEquals(await codeOf(`${dir}/map`, "--check", "--full", "95"), 0);
    assertEquals(await codeOf(`${dir}/channel`, "--check"), 0);
    assertEquals(await codeOf(`${dir}/channel`, "--check", "--full", "0"), 3);
  }));

Deno.test(
  "mmap inspect finds locks that are held in memory without a header",
  observing,
  () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, new Uint8Array(65536));
      await using holder = await peer("holdBare", path);
      const { kind, locks } = await mmapJson(["inspect", path]);
      assertEquals(kind, "region");
      const found = locks.map((
        { byteOffset, kind, holder }: Inspection["locks"][number],
      ) => [byteOffset, kind, holder?.pid]);
      assertEquals(found, [
        [128, "mutex", holder.pid],
        [4160, "rwlock-reader", holder.pid],
        [8192, "mutex", holder.pid],
      ]);
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
      if (IS_WINDOWS) return await inspectsWithoutHandles(region);
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

Deno.test("mmap inspect tells of a header that is cut off or of another version", () =>
  withTempDir(async (dir) => {
    await using _kinds = await makeKinds(dir);
    const wholes = KIND_NAMES.map((kind) => [kind, Deno.readFileSync(`${dir}/${kind}`)] as const);
    for (const [kind, whole] of wholes) {
      const cut = makeFile(dir, whole.slice(0, 100), `cut-${kind}`);
      const { code, stdout } = await mmap(["inspect", cut, "--check", "--json"]);
      const found = JSON.parse(stdout);
      assertEquals([code, found.kind, found.version], [3, kind, null]);
      assertMatch(found.problems[0], /^cannot be read: /);
      assertEquals(Deno.readFileSync(cut), whole.slice(0, 100));
    }
    const [, channel] = wholes[0]!;
    new Int32Array(channel.buffer)[3] = 99;
    const { problems } = await mmapJson(["inspect", makeFile(dir, channel, "newer")]);
    assertEquals(problems, ["cannot be read: it has version 99, and this program reads 3"]);
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

/** Without what differs from one run to the next: who sleeps right now, numbers, folders, and the spaces that follow from both. */
function shape(text: string): string {
  return text.replace(/(\/|\b[A-Z]:\\)\S*[\\/]/g, "/").replace(/_inspected\.ts/g, "work.ts")
    .replace(/^(asleep|awaiting) .*\n/gm, "").replace(/\d+(\.\d)?/g, "N").replace(/ +/g, " ")
    .trimEnd();
}

Deno.test(
  "docs/inspect.md shows what mmap inspect prints of each kind",
  observing,
  () =>
    withTempDir(async (dir) => {
      await using _kinds = await peer("kinds", dir);
      await using _holder = await peer("hold", `${dir}/layout`);
      await using blocked = await peer("block", `${dir}/layout`);
      await using _bare = await peer("holdBare", `${dir}/region`);
      await inspectUntil(
        `${dir}/layout`,
        ({ locks }) => locks.some(({ waiters }) => waiters?.includes(blocked.pid)),
      );
      for (const kind of [...KIND_NAMES, "region"]) {
        const block = readPage("docs/inspect.md").blocks.find(({ section }) => section === kind)!;
        const printed = await mmapPrints(["inspect", kind], { cwd: dir });
        const said = IS_WINDOWS ? block.text.replace(/, \d+ in memory/, "") : block.text;
        assertEquals(shape(`$ mmap inspect ${kind}\n${printed}`), shape(said));
      }
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
