/** Several processes that change one `SharedMap` in single steps, or resize it, or are killed. */

import { MmapRegion } from "@mmap/mmap";
import { SharedMap } from "@mmap/mmap/collections";
import { Futex } from "@mmap/mmap/sync";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { MUTEX_BYTE_OFFSET } from "../../src/collections/header.ts";
import { DONE, valueOf } from "./_map_children.ts";
import { Child, KILLED, resultOf } from "../_child.ts";
import { withTempDir } from "../_files.ts";
import { SMALL_DISKS } from "../_mount.ts";

const PROGRAM = new URL("_map_children.ts", import.meta.url);

const SIZES = { maxKeyByteLength: 16, valueByteLength: 200 };

/** A map in a file of its own. */
function withMap(
  capacity: number,
  use: (path: string, map: SharedMap) => void | Promise<void>,
): Promise<void> {
  return withTempDir(async (dir) => {
    const path = join(dir, "a.map");
    using map = SharedMap.open(path, { ...SIZES, capacity, create: true });
    await use(path, map);
  });
}

/** Waits until a child says that it has come that far. */
async function until(region: MmapRegion, isFar: (done: number) => boolean): Promise<void> {
  const words = region.view(Int32Array);
  const bell = new Futex(region, 4 * DONE);
  for (let done; !isFar(done = Atomics.load(words, DONE));) {
    assert(await bell.wait(done, { timeoutMs: 60_000 }) !== "timed-out", `it stays at ${done}`);
  }
}

function numberIn(map: SharedMap, key: string): number {
  const { buffer, byteOffset } = map.get(key)!;
  return new DataView(buffer, byteOffset).getFloat64(0, true);
}

for (const way of ["count", "update"]) {
  Deno.test(`two processes that add 1 to a number of a SharedMap lose none: ${way}`, () =>
    withMap(8, async (path, map) => {
      const add = () => resultOf(PROGRAM, { args: [way, path, 30_000] });
      const last = await Promise.all([add(), add()]);
      assertEquals(numberIn(map, "count"), 60_000);
      if (way === "count") assertEquals(Math.max(...last), 60_000);
    }));
}

Deno.test("of several processes one takes a key of a SharedMap, and one sets it first", () =>
  withMap(20_000, async (path, map) => {
    const keys = 5000;
    for (let i = 0; i < keys; i++) map.set(`token ${i}`, valueOf(i));
    const compete = () => resultOf(PROGRAM, { args: ["compete", path, keys] });
    const results: Record<string, number>[] = await Promise.all([1, 2, 3].map(compete));
    const sum = (of: string) => results.reduce((sum, each) => sum + each[of]!, 0);
    assertEquals([sum("took"), sum("set"), map.size], [keys, keys, keys]);
  }));

Deno.test("SharedMap.getOrInsert() gives what another process sets while it waits for the lock", () =>
  withMap(8, async (path, map) => {
    using region = MmapRegion.open(path);
    const lock = region.view(Int32Array, MUTEX_BYTE_OFFSET, 1);
    const result = resultOf(PROGRAM, { args: ["insert", path] });
    map.update("key", () => {
      // It has looked in vain without the lock, and then says that it sleeps.
      for (const end = performance.now() + 30_000; Atomics.load(lock, 0) > 0;) {
        assert(performance.now() < end, "nobody came");
      }
      return valueOf(1);
    });
    assertEquals(await result, 1);
    assertEquals(map.get("key"), valueOf(1));
  }));

Deno.test("readers of a SharedMap find all while another process resizes it", () =>
  withMap(8, async (path, map) => {
    for (let i = 0; i < 8; i++) map.set(`key ${i}`, valueOf(i));
    using region = MmapRegion.anonymous(4096);
    await using child = new Child(PROGRAM, { args: ["look", path, 1000], env: region.env() });
    for (let capacity = 9; capacity <= 1000; capacity++) {
      map.resize(capacity);
      // In a full map the entries of a later area come to lie where indexes were.
      map.set(`key ${capacity - 1}`, valueOf(capacity));
      if (capacity % 10 !== 0) continue;
      // The reader keeps up, however few turns it gets.
      await until(region, (seen) => seen >= capacity);
    }
    assertEquals(JSON.parse(await child.readLine()), { missing: 0, torn: 0 });
  }));

Deno.test("a SharedMap is whole after processes were killed while they resized it", () =>
  withMap(1, async (path, map) => {
    using region = MmapRegion.anonymous(4096);
    const words = region.view(Int32Array);
    for (let round = 0; round < 15; round++) {
      const before = words[DONE]!;
      await using child = new Child(PROGRAM, { args: ["grow", path], env: region.env() });
      const wanted = before + 1 + round * 7 % 30;
      await until(region, (done) => done >= wanted);
      child.kill();
      const { code, signal } = await child.ended();
      assertEquals({ code, signal }, KILLED);
      const done = words[DONE]!;
      // The key and the resize that were under way are there or not.
      map.set("key 0", valueOf(0));
      assert(map.size === done || map.size === done + 1, `${map.size} keys of ${done}`);
      assert(map.capacity === done || map.capacity === done + 1, `${map.capacity} of ${done}`);
      words[DONE] = map.size;
      const content = new Map(map.entries());
      assertEquals(content.size, map.size);
      for (let i = 0; i < map.size; i++) {
        assertEquals(content.get(`key ${i}`), valueOf(i));
        assertEquals(map.get(`key ${i}`), valueOf(i));
      }
    }
  }));

Deno.test("SharedMap.update() ends with the process that it runs in, and changes nothing", () =>
  withMap(8, async (path, map) => {
    map.set("a", valueOf(1));
    await using child = new Child(PROGRAM, { args: ["dieInUpdate", path] });
    const { code, signal } = await child.ended();
    assertEquals({ code, signal }, { code: 7, signal: null });
    assertEquals(map.update("a", (there) => there), valueOf(1));
    assertEquals([...map.entries()], [["a", valueOf(1)]]);
  }));

Deno.test("a Worker and its program count in one SharedMap of an f64", async () => {
  await withMap(8, async (path, map) => {
    const worker = new Worker(new URL("_map_worker.ts", import.meta.url), { type: "module" });
    const done = new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = (event) => reject(event.error ?? new Error(event.message));
    });
    worker.postMessage({ path, times: 20_000 });
    for (let i = 0; i < 20_000; i++) map.increment("count");
    await done;
    worker.terminate();
    assertEquals(numberIn(map, "count"), 40_000);
  });
});

for (const disk of SMALL_DISKS) {
  Deno.test({
    name: `SharedMap.resize() throws ENOSPC on a full disk and changes nothing (${disk.name}${
      disk.missing === undefined ? "" : `: ${disk.missing}`
    })`,
    ignore: disk.missing !== undefined,
    fn: () =>
      disk.with((dir) => {
        const path = join(dir, "a.map");
        using map = SharedMap.open(path, { ...SIZES, capacity: 50, create: true });
        using other = SharedMap.open(path);
        for (let i = 0; i < 50; i++) map.set(`key ${i}`, valueOf(i));
        const error = assertThrows(() => map.resize(50_000), Error) as Error & { code?: string };
        assertEquals(error.code, "ENOSPC");
        assertEquals([map.capacity, other.capacity, other.size], [50, 50, 50]);
        for (let i = 0; i < 50; i++) assertEquals(map.get(`key ${i}`), valueOf(i));
        map.resize(100);
        other.set("key 50", valueOf(50));
        assertEquals([map.capacity, map.size], [100, 51]);
      }),
  });
}
