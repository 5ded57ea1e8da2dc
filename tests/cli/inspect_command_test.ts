/** `mmap inspect`: what it prints, who holds and who waits. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { inspect, type Inspection } from "@mmap/mmap/cli";
import { BELL_SLEEPERS } from "../../src/channel/layout.ts";
import { KILLED } from "../_child.ts";
import { observing } from "../_capabilities.ts";
import { makeFile, withTempDir } from "../_files.ts";
import { readPage } from "../_markdown.ts";
import { type CliOptions, mainThreadOf, mmap, mmapJson, mmapPrints } from "./_cli.ts";
import { KIND_NAMES, makeKinds } from "./_kinds.ts";
import { layoutFile, peer } from "./_inspected_child.ts";

const IS_WINDOWS = Deno.build.os === "windows";

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

/** Who waits wakes now and then to look whether the holder lives, and is not shown then. */
async function printsOnce(
  args: readonly string[],
  isIt: (text: string) => boolean,
  options?: CliOptions,
): Promise<string> {
  let text = "";
  for (let looks = 0; looks < 10 && !isIt(text); looks++) text = await mmapPrints(args, options);
  return text;
}

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
      const people = [holder.pid, blocked.pid].map((pid) => `${pid} deno _inspected.ts`);
      const row = new RegExp(`^ *\\d+ +mutex +mutex +${people.join(" +")}$`, "m");
      assertMatch(await printsOnce(["inspect", path], (text) => row.test(text)), row);
    }),
);

Deno.test(
  "mmap inspect tells which processes are clients of a server",
  observing,
  () =>
    withTempDir(async (dir) => {
      const path = `${dir}/server`;
      await using server = await peer("serve", path);
      const clientsOf = async (): Promise<unknown> => {
        const { serverPid, clients } = await mmapJson(["inspect", path]);
        return [serverPid, clients];
      };
      assertEquals(await clientsOf(), [server.pid, []]);
      await using client = await peer("call", path);
      assertEquals(await clientsOf(), [server.pid, [client.pid]]);
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
        const said = IS_WINDOWS ? block.text.replace(/, \d+ in memory/, "") : block.text;
        const seen = (text: string): string => shape(`$ mmap inspect ${kind}\n${text}`);
        const isIt = (text: string): boolean => seen(text) === shape(said);
        const printed = await printsOnce(["inspect", kind], isIt, { cwd: dir });
        assertEquals(seen(printed), shape(said));
      }
    }),
);
