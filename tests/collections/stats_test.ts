/** What the members `stats()` of collections tell; a cache's are in `cache/cache_test.ts`. */

import { assertEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { AppendLog, SharedArray, SharedMap } from "@mmap/mmap/collections";
import { f32 } from "@mmap/mmap/struct";
import { withTempDir } from "../_files.ts";

const { BadResource } = Deno.errors;

Deno.test("SharedMap.stats() says how full it is, and in what state", () =>
  withTempDir((dir) => {
    const map = SharedMap.open(`${dir}/map`, { create: true, capacity: 10 });
    map.set("one", new Uint8Array(3));
    map.set("two", new Uint8Array(3));
    map.delete("one");
    const { byteLength, ...rest } = map.stats();
    assertEquals(byteLength, Deno.statSync(`${dir}/map`).size);
    assertEquals([rest.size, rest.capacity, rest.generation], [1, 10, 0]);
    assertEquals(rest.tombstones <= 1, true);
    for (let i = 0; i < 1000; i++) {
      map.set(`${i}`, new Uint8Array(1));
      map.delete(`${i}`);
    }
    assertEquals(map.stats().generation > 0, true);
    map.close();
    assertThrows(() => map.stats(), BadResource);
  }));

Deno.test("SharedArray.stats() says how many elements there are, and the room for more", () => {
  using region = MmapRegion.anonymous(8192);
  const array = SharedArray.open(region, f32, { create: true, length: 1000 });
  array.push(1, 2);
  assertEquals(array.stats(), {
    length: 1002,
    room: 1024,
    elementByteLength: 4,
    byteLength: 8192,
  });
  array.close();
  assertThrows(() => array.stats(), BadResource);
});

Deno.test("AppendLog.stats() says how long it is, and how much was committed to the disk", () =>
  withTempDir((dir) => {
    const log = AppendLog.open(`${dir}/log`, { create: true });
    log.append(new Uint8Array(8));
    assertEquals(log.stats(), { byteLength: 16, committedByteLength: 0 });
    log.commit({ durability: "disk" });
    log.append(new Uint8Array(8));
    using reader = AppendLog.open(`${dir}/log`);
    assertEquals(reader.stats(), { byteLength: 32, committedByteLength: 16 });
    log.close();
    assertThrows(() => log.stats(), BadResource);
  }));
