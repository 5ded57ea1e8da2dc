/**
 * A process that loses pages of a collection, because another one truncates the file or the disk is
 * full. Run with the name of a case and a directory.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { AppendLog, SharedArray, SharedCache, SharedMap } from "@mmap/mmap/collections";
import { f64 } from "@mmap/mmap/struct";
import {
  assertLost,
  fresh,
  restore,
  runPeer,
  touch,
  truncate,
  truncateMeanwhile,
} from "../_losing.ts";
import { ARRAY_CALLS, CACHE_CALLS, LOG_CALLS, MAP_CALLS, value } from "./_lost_calls.ts";
import { fillDisk } from "../_fill_disk.ts";
import { runLinux } from "../_host.ts";
import { PAGE } from "../_pages.ts";

const [name, dir] = Deno.args as [string, string];
const path = `${dir}/collection`;
const PEER = import.meta.resolve("./_lost_peer.ts");

const MAP = { capacity: 200, valueByteLength: 256, create: true } as const;
const openMap = () => SharedMap.open(path, MAP);
const openArray = () => SharedArray.open(path, f64, { create: true });
const openLog = () => AppendLog.open(path, { create: true });

/** A region of the whole file: what it touches is not what the collection touches. */
function region(): MmapRegion {
  return MmapRegion.open(path, { access: "read-write" });
}

async function assertCallsLose<T extends Disposable>(
  make: () => T,
  calls: Record<string, (made: T) => unknown>,
  left: number,
): Promise<void> {
  for (const [what, call] of Object.entries(calls)) {
    using made = fresh(path, make);
    truncate(path, left);
    for (let i = 0; i < 2; i++) {
      await assertLost(path, `${what}, ${left} bytes left`, () => call(made));
    }
  }
}

const filledMap = () => {
  const map = openMap();
  for (let i = 0; i < 50; i++) map.set(`${i}`, value);
  map.set("one", value);
  return map;
};

const filledArray = () => {
  const array = openArray();
  array.push(...Array.from({ length: 2000 }, () => 7));
  return array;
};

const filledLog = () => {
  const log = openLog();
  for (let i = 0; i < 100; i++) log.append(value);
  return log;
};

const openCache = () => SharedCache.open(path, { create: true, byteLength: 64 * PAGE });

const filledCache = () => {
  const cache = openCache();
  for (let i = 0; i < 300; i++) cache.set(`${i}`, value);
  cache.set("one", value);
  return cache;
};

const cases: Record<string, () => unknown> = {
  async "every call throws"(): Promise<void> {
    await assertCallsLose(filledMap, MAP_CALLS, 0);
    await assertCallsLose(filledArray, ARRAY_CALLS, 0);
    await assertCallsLose(filledLog, LOG_CALLS, 0);
    await assertCallsLose(filledCache, CACHE_CALLS, 0);
    for (const left of [PAGE, 3 * PAGE]) {
      for (const [what, call] of Object.entries(CACHE_CALLS)) {
        Deno.writeFileSync(path, new Uint8Array(64 * PAGE));
        using memory = region();
        using cache = SharedCache.open(memory);
        cache.set("one", value);
        truncate(path, left);
        touch(memory);
        for (let i = 0; i < 2; i++) {
          await assertLost(path, `${what}, ${left} left`, () => call(cache));
        }
      }
    }
    // In a region all pages can be lost for sure before the first call.
    for (const left of [PAGE, 2 * PAGE]) {
      for (const [what, call] of Object.entries(MAP_CALLS)) {
        Deno.writeFileSync(path, new Uint8Array(32 * PAGE));
        using memory = region();
        using map = SharedMap.open(memory, { capacity: 200, valueByteLength: 256 });
        map.set("one", value);
        truncate(path, left);
        touch(memory);
        for (let i = 0; i < 2; i++) {
          await assertLost(path, `${what}, ${left} left`, () => call(map));
        }
      }
      for (const [what, call] of Object.entries(ARRAY_CALLS)) {
        Deno.writeFileSync(path, new Uint8Array(8 * PAGE));
        using memory = region();
        using array = SharedArray.open(memory, f64);
        array.push(1);
        truncate(path, left);
        touch(memory);
        for (let i = 0; i < 2; i++) {
          await assertLost(path, `${what}, ${left} left`, () => call(array));
        }
      }
    }
  },

  async "the call that loses the page gives nothing made-up"(): Promise<void> {
    {
      using map = fresh(path, filledMap);
      truncate(path, PAGE);
      await assertLost(path, "get", () => map.get("one"));
      const target = new Uint8Array(256).fill(9);
      await assertLost(path, "getInto", () => map.getInto("one", target));
      assert(target.every((byte) => byte === 9), "target unchanged");
    }
    {
      using map = fresh(path, filledMap);
      truncate(path, PAGE);
      let called = false;
      const change = () => {
        called = true;
        return value;
      };
      await assertLost(path, "update", () => map.update("one", change));
      assertEquals(called, false);
    }
    {
      using numbers = fresh(path, filledArray);
      truncate(path, PAGE);
      await assertLost(path, "at", () => numbers.at(1500));
    }
    using log = fresh(path, filledLog);
    truncate(path, PAGE);
    await assertLost(path, "read", () => log.read(0));
    await assertLost(path, "append", () => log.append(value));
    await assertLost(path, "follow", () => log.follow().next());
  },

  async "readers throw too"(): Promise<void> {
    {
      using writer = fresh(path, filledMap);
      using map = SharedMap.open(path, { access: "read" });
      truncate(path, PAGE);
      await assertLost(path, "get", () => map.get("one"));
      await assertLost(path, "set", () => writer.set("one", value));
    }
    using _log = fresh(path, filledLog);
    using reader = AppendLog.open(path);
    truncate(path, PAGE);
    await assertLost(path, "entries", () => [...reader.entries()]);
    const following = reader.follow();
    await assertLost(path, "follow", () => following.next());
  },

  async "an iteration throws in the middle"(): Promise<void> {
    {
      using log = fresh(path, filledLog);
      const entries = log.entries();
      assertEquals(entries.next().value!.record, value);
      truncate(path, PAGE);
      await assertLost(path, "entries", () => [...entries]);
    }
    using array = fresh(path, filledArray);
    const numbers = array[Symbol.iterator]();
    assertEquals(numbers.next().value, 7);
    truncate(path, PAGE);
    await assertLost(path, "numbers", () => [...numbers]);
  },

  async "a follower that waits ends"(): Promise<void> {
    using log = fresh(path, openLog);
    const next = log.follow().next();
    const truncating = truncateMeanwhile(path, 0);
    await assertLost(path, "follow", () => next);
    await truncating;
  },

  "a map that a change was lost in is repaired by the next one"(): void {
    Deno.writeFileSync(path, new Uint8Array(64 * PAGE));
    using memory = region();
    using map = SharedMap.open(memory, { capacity: 200, valueByteLength: 256 });
    map.set("one", value);
    const before = Deno.readFileSync(path);
    // The header and the indices stay; the entries of new keys do not.
    const kept = 4 * PAGE;
    truncate(path, kept);
    assertThrows(() => {
      for (let i = 0; i < 200; i++) map.set(`${i}`, value);
    }, MappingFaultError);
    restore(path, before, kept);
    assertEquals(runPeer(PEER, "map", path), "true");
    assertThrows(() => map.get("one"), MappingFaultError);
    memory.repair();
    assertEquals(map.get("one"), value);
    map.set("two", value);
    assertEquals(map.get("two"), value);
  },

  async "a cache gives its locks up, and goes on after repair"(): Promise<void> {
    Deno.writeFileSync(path, new Uint8Array(64 * PAGE));
    using memory = region();
    using cache = SharedCache.open(memory);
    cache.set("one", value);
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    const computing = cache.getOrCompute("computed", () => promise);
    truncate(path, 3 * PAGE);
    assertThrows(() => {
      for (let i = 0; i < 1000; i++) cache.set(`${i}`, value);
    }, MappingFaultError);
    truncate(path, 64 * PAGE);
    assertEquals(runPeer(PEER, "cache", path), "true");
    assertThrows(() => cache.get("one"), MappingFaultError);
    resolve(value);
    await assertLost(path, "getOrCompute", () => computing);
    memory.repair();
    assertEquals(cache.set("two", value), true);
    assertEquals(cache.get("two"), value);
  },

  "an array gives its lock up, and goes on after repair"(): void {
    Deno.writeFileSync(path, new Uint8Array(16 * PAGE));
    using memory = region();
    using array = SharedArray.open(memory, f64);
    array.push(1, 2, 3);
    truncate(path, PAGE);
    assertThrows(() => array.push(4), MappingFaultError);
    truncate(path, 16 * PAGE);
    assertEquals(runPeer(PEER, "array", path), "4");
    memory.repair();
    assertEquals(array.push(5), 5);
    assertEquals(array.at(-1), 5);
  },

  "an array that has lost one page changes no other one"(): void {
    Deno.writeFileSync(path, new Uint8Array(16 * PAGE));
    using memory = region();
    using array = SharedArray.open(memory, f64);
    array.push(1, ...new Array(2000).fill(7));
    truncate(path, 3 * PAGE);
    touch(memory);
    assertThrows(() => array.set(0, 5), MappingFaultError);
    truncate(path, 16 * PAGE);
    memory.repair();
    assertEquals(array.at(0), 1);
  },

  "a log's writer gives its place up for good"(): void {
    const log = fresh(path, filledLog);
    const whole = Deno.statSync(path).size;
    truncate(path, PAGE);
    assertThrows(() => log.append(value), MappingFaultError);
    truncate(path, whole);
    using other = AppendLog.open(path, { access: "read-write" });
    const position = other.append(value);
    assertThrows(() => log.append(value), MappingFaultError);
    const { size } = Deno.statSync(path);
    log.close(); // does not cut off what is not its own any more
    assertEquals(Deno.statSync(path).size, size);
    assertEquals(other.read(position), value);
  },

  async "no page can be had on a full disk"(): Promise<void> {
    Deno.writeFileSync(path, new Uint8Array(64 * PAGE));
    using memory = region();
    using map = SharedMap.open(memory, { capacity: 200, valueByteLength: 256 });
    map.set("one", value);
    const punch = ["--punch-hole", "--offset", `${8 * PAGE}`, "--length", `${56 * PAGE}`, path];
    assert((await runLinux("fallocate", punch)).success);
    await fillDisk(dir);
    let there = 0;
    assertThrows(() => {
      for (; there < 200; there++) map.set(`${there}`, value);
    }, MappingFaultError);
    assertThrows(() => map.get("one"), MappingFaultError);
    Deno.removeSync(`${dir}/filler`); // or the other one would lose pages too
    assertEquals(runPeer(PEER, "all", path, `${there}`), "true");
    memory.repair();
    map.set("two", value);
    assertEquals(runPeer(PEER, "all", path, `${there}`), "true");
  },
};

await cases[name]!();
