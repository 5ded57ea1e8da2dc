/** Collections between processes: what others see, who is shut out, and whose place is taken. */

import { MmapRegion } from "@mmap/mmap";
import { AppendLog, SharedMap } from "@mmap/mmap/collections";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { Child, resultOf } from "../_child.ts";
import { pattern, withTempDir } from "../_files.ts";
import { NO_ROOM } from "../_fill_disk.ts";
import { SMALL_DISKS } from "../_mount.ts";
import { isThere } from "../_process.ts";

const PROGRAM = new URL("_children.ts", import.meta.url);

Deno.test("AppendLog.open() takes the place of a writer that was killed, and of no other", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "a.log");
    await using child = new Child(PROGRAM, { args: ["append", path] });
    assertEquals(await child.readLine(), "open");
    assertThrows(() => AppendLog.open(path, { access: "read-write" }), Deno.errors.Busy);
    child.kill();
    await child.ended();
    using log = AppendLog.open(path, { access: "read-write" });
    assertEquals(log.append(new Uint8Array(1)), 16);
    assertEquals([...log].length, 2);
  });
});

Deno.test({
  name:
    "AppendLog.commit() of a program that commits often writes no huge page (needs /proc/self/io)",
  ignore: !isThere("/proc/self/io"),
  fn: async () => {
    await withTempDir(async (dir) => {
      const args = ["commitEach", join(dir, "a.log")];
      const written = await resultOf(PROGRAM, { args });
      assert(written <= 1 << 18, `${written} bytes`);
    });
  },
});

Deno.test("AppendLog.follow() of another process wakes for each record, in order", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "a.log");
    using log = AppendLog.open(path, { create: true });
    await using child = new Child(PROGRAM, { args: ["follow", path] });
    assertEquals(await child.readLine(), "open");
    for (let i = 1; i < 30; i++) {
      const position = log.append(new Uint8Array([i, i]));
      assertEquals(await child.readLine(), `${position} ${i},${i}`);
    }
    log.append(new Uint8Array());
    assertEquals(await child.readLine(), `${log.byteLength - 8} `);
  });
});

Deno.test("AppendLog.follow() sees what comes also where it may not write to the file", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "a.log");
    using log = AppendLog.open(path, { create: true });
    await using child = new Child(PROGRAM, { args: ["followWithoutWriting", path] });
    assertEquals(await child.readLine(), "open");
    for (let i = 1; i < 4; i++) {
      log.append(new Uint8Array([i]));
      assertEquals(await child.readLine(), `${i}`);
    }
  });
});

Deno.test("readers of a SharedMap never see half of a value, and miss no key that is there", async () => {
  using region = MmapRegion.anonymous(1 << 16);
  using map = SharedMap.open(region, { capacity: 40, maxKeyByteLength: 8, valueByteLength: 200 });
  // "fixed" is always there; "moving" comes and goes among others, so that indexes are renewed.
  map.set("fixed", new Uint8Array(200));
  const looks = 150_000;
  await using child = new Child(PROGRAM, { args: ["look", looks], env: region.env() });
  assertEquals(await child.readLine(), "reading");
  const result = child.readLine();
  let done = false;
  result.then(() => done = true, () => done = true);
  for (let i = 0; !done; i++) {
    map.set("fixed", new Uint8Array(200).fill(i));
    const byte = 1 + i % 199;
    if (i % 3 === 0) map.delete("moving");
    else map.set("moving", new Uint8Array(byte).fill(byte));
    map.set(`k${i % 97 % 30}`, pattern(i % 50));
    map.delete(`k${(i * 7) % 97 % 30}`);
    // The event loop has to hear of the child's end.
    if (i % 200 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assertEquals(JSON.parse(await result), { torn: 0, missing: 0, uneven: 0, changed: true });
});

Deno.test("processes that open one map with create at once all get the same map", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "a.map");
    const counts = await Promise.all(
      Array.from({ length: 5 }, (_, i) => resultOf(PROGRAM, { args: ["fill", path, i] })),
    );
    using map = SharedMap.open(path);
    assertEquals([map.size, Math.max(...counts)], [500, 500]);
  });
});

for (const disk of SMALL_DISKS) {
  Deno.test({
    name: `AppendLog.append() throws ENOSPC on a full disk and loses nothing (${disk.name}${
      disk.missing === undefined ? "" : `: ${disk.missing}`
    })`,
    ignore: disk.missing !== undefined,
    fn: () =>
      disk.with((dir) => {
        const path = join(dir, "a.log");
        using log = AppendLog.open(path, { create: true });
        let count = 0;
        const error = assertThrows(() => {
          for (; count < 10_000; count++) log.append(pattern(1000, count));
        }, Error) as Error & { code?: string };
        assertEquals(error.code, "ENOSPC");
        assert(count > 100, `${count} records`);
        assertThrows(() => log.append(pattern(1000)), Error, NO_ROOM);
        const records = [...log].map(({ record }) => record);
        assertEquals(records.length, count);
        records.forEach((record, i) => assertEquals(record, pattern(1000, i)));
        log.commit();
        log.close();
        using reader = AppendLog.open(path);
        assertEquals([...reader].length, count);
      }),
  });
}
