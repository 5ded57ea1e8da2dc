/** `mmap top` and `mmap locks`: what processes map, hold and wait for. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import { main } from "@mmap/mmap/cli";
import { replaceSystem, system } from "../../src/os/mod.ts";
import { observing } from "../_capabilities.ts";
import { makeFile, withTempDir } from "../_files.ts";
import { mainThreadOf, mmap, mmapJson, mmapPrints, RunningCli } from "./_cli.ts";
import { SHAPE } from "./_kinds.ts";
import { peer } from "./_inspected_child.ts";

Deno.test(
  "mmap top --once shows what processes of this user map and share",
  observing,
  () =>
    withTempDir(async (dir) => {
      await using child = await peer("kinds", dir);
      using memory = MmapRegion.anonymous(4096, { label: `top-${child.pid}` });
      memory.bytes[0] = 1;
      const rows = await mmapJson(["top", "--once"]);
      const rowOf = (path: string) => rows.find((row: { path: string }) => row.path.includes(path));
      for (const kind of ["channel", "latest", "map", "log", "cache", "layout", "region"]) {
        const row = rowOf(join(dir, kind));
        assertEquals([row.kind, row.pids, row.problems, row.rates], [kind, [child.pid], [], null]);
      }
      assertEquals(rowOf(join(dir, "map")).full, 0.95);
      assertEquals(rowOf(join(dir, "broadcast")).holders, [child.pid]);
      const own = rowOf(`top-${child.pid}`);
      assertEquals([own.kind, own.byteLength, own.pids], ["region", 4096, [Deno.pid]]);
      const text = await mmapPrints(["top", "--once"]);
      assertMatch(text, /^NAME +KIND +SIZE +FULL +IN\/s +OUT\/s +WAITING +HOLDER +PROCESSES$/m);
      assertMatch(text, new RegExp(`^map +map +\\S+ KiB +95 % .* ${child.pid}$`, "m"));
    }),
);

Deno.test(
  "mmap top looks again and again, and tells how much came meanwhile",
  observing,
  () =>
    withTempDir(async (dir) => {
      const path = join(dir, "channel");
      await using sender = await peer("send", path);
      await using cli = new RunningCli(["top", "--json", "--every", "0.1"]);
      for (let looks = 0;; looks++) {
        const rows: { path: string; rates: { in: number; out: number } | null }[] = JSON.parse(
          await cli.readLine(),
        );
        const rates = rows.find((row) => row.path === path)?.rates;
        if (looks === 0) {
          assertEquals(rates, null);
          await sender.writeLine("");
        } else if (rates!.in > 0) return assertEquals(rates!.out, 0);
      }
    }),
);

Deno.test(
  "mmap locks tells what a process holds and what it waits for",
  observing,
  () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, new Uint8Array(SHAPE.byteLength), "layout");
      {
        using region = MmapRegion.open(path, { access: "read-write" });
        SHAPE.create(region);
      }
      await using holder = await peer("hold", path);
      await using blocked = await peer("block", path);
      const rowsOf = async (pid: number) => {
        const { locks } = await mmapJson(["locks", `${pid}`]);
        return locks.map(({ path, does, what }: Record<string, unknown>) => [path, does, what]);
      };
      assertEquals(await rowsOf(holder.pid), [
        [path, "holds", "mutex (mutex)"],
        [path, "holds", "config (rwlock-reader)"],
        [path, "holds", "config (rwlock-reader)"],
      ]);
      let rows = await rowsOf(blocked.pid);
      // It is on its way.
      for (let looks = 0; rows.length === 0 && looks < 100; looks++) {
        rows = await rowsOf(blocked.pid);
      }
      assertEquals(rows, [[path, "waits", "mutex (mutex)"]]);
      const text = await mmapPrints(["locks", `${holder.pid}`]);
      assertMatch(text, new RegExp(`^process +${holder.pid} .*_inspected\\.ts`, "m"));
      const row = text.split("\n").find((line) => line.startsWith("holds  mutex"));
      const thread = String(await mainThreadOf(holder.pid));
      const columns = ["holds", "mutex (mutex)", thread, "layout", path];
      assertEquals(row?.split(/ {2,}/).filter((_, i) => i !== 4), columns);
      assertMatch(row!, / {2}layout +\d+ {2}/);
    }),
);

Deno.test("mmap locks says so if a process has no locks, or is not there", observing, async () => {
  await using child = await peer("idle");
  assertStringIncludes(await mmapPrints(["locks", `${child.pid}`]), "no locks\n");
  child.kill();
  await child.ended();
  const { code, stderr } = await mmap(["locks", `${child.pid}`]);
  assertEquals([code, stderr], [
    1,
    `mmap: Cannot read locks: no process ${child.pid} is shown here\n`,
  ]);
});

Deno.test("mmap top and mmap locks fail where the system does not show other processes", async () => {
  const { observing: _observing, ...rest } = system();
  const restore = replaceSystem(rest);
  try {
    for (const args of [["top", "--once"], ["locks", "1"]]) assertEquals(await main(args), 1);
  } finally {
    restore();
  }
});
