/** The newest value. */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Channel, Latest } from "@mmap/mmap/channel";
import { join } from "@std/path";
import { Child } from "../../_child.ts";
import { withTempDir } from "../../_files.ts";

const WRITERS = new URL("_latest_writers.ts", import.meta.url);

const value = (byte: number, byteLength = 100) => new Uint8Array(byteLength).fill(byte);

Deno.test("Latest.read() gives zeros before the first write, then the newest value", () => {
  using latest = Latest.create({ byteLength: 100 });
  using reader = Latest.attach(latest.handle());
  assertEquals([reader.read(), reader.version], [value(0), 0]);
  for (let i = 1; i < 20; i++) {
    latest.write(value(i));
    assertEquals([reader.read(), reader.version], [value(i), i]);
  }
  const target = value(77);
  assertStrictEquals(reader.read(target), target);
  assertEquals(target, value(19));
});

Deno.test("Latest.version goes beyond 2^32, and values stay whole", () => {
  using latest = Latest.create({ byteLength: 100 });
  const words = latest.region.view(Int32Array);
  [words[16], words[17]] = [-2, 1];
  for (let i = 1; i < 9; i++) {
    latest.write(value(i));
    assertEquals(latest.read(), value(i));
  }
  assertEquals(latest.version, 2 * 2 ** 32 + 6);
});

Deno.test("Latest throws RangeError for another length, TypeError for no Uint8Array", () => {
  using latest = Latest.create({ byteLength: 100 });
  assertThrows(() => latest.write(value(1, 99)), RangeError, "exactly 100 bytes");
  assertThrows(() => latest.read(value(1, 101)), RangeError, "exactly 100 bytes");
  assertThrows(() => latest.write("text" as unknown as Uint8Array), TypeError);
  assertThrows(() => latest.read([] as unknown as Uint8Array), TypeError);
  assertEquals(latest.version, 0);
  for (const byteLength of [0, -1, 1.5, NaN, 2 ** 28 + 1]) {
    assertThrows(() => Latest.create({ byteLength }), RangeError, "byteLength");
  }
});

Deno.test("Latest.changed() resolves at the first write after its call", async () => {
  using latest = Latest.create({ byteLength: 1 });
  using writer = Latest.attach(latest.handle());
  writer.write(value(1, 1));
  await assertRejects(() => latest.changed({ timeoutMs: 20 }), Deno.errors.TimedOut);
  const waiting = [latest.changed(), writer.changed()];
  writer.write(value(2, 1));
  await Promise.all(waiting);
  const controller = new AbortController();
  const aborted = latest.changed({ signal: controller.signal });
  controller.abort(new SyntaxError("enough"));
  await assertRejects(() => aborted, SyntaxError, "enough");
});

Deno.test("Latest throws BadResource after close, and rejects waits", async () => {
  const latest = Latest.create({ byteLength: 1 });
  const waiting = assertRejects(() => latest.changed(), Deno.errors.BadResource);
  await Promise.resolve();
  latest.close();
  latest.close();
  await waiting;
  assertEquals(latest.closed, true);
  for (
    const call of [
      () => latest.read(),
      () => latest.write(value(1, 1)),
      () => latest.version,
      () => latest.handle(),
    ]
  ) assertThrows(call, Deno.errors.BadResource);
});

Deno.test("Latest.create() joins one of the same length at a path, and nothing else", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "latest");
    using latest = Latest.create({ path, byteLength: 5 });
    latest.write(value(9, 5));
    using again = Latest.create({ path, byteLength: 5 });
    assertEquals(again.read(), value(9, 5));
    const { AlreadyExists } = Deno.errors;
    assertThrows(() => Latest.create({ path, byteLength: 6 }), AlreadyExists);
    assertThrows(() => Latest.create({ path, byteLength: 600 }), AlreadyExists);
    assertThrows(() => Channel.create({ path, capacity: 4096 }), AlreadyExists);
  });
});

Deno.test("Latest.attach() throws InvalidData for something else or a damaged header", () => {
  using channel = Channel.create({ capacity: 4096 });
  assertThrows(() => Latest.attach(channel.handle()), Deno.errors.InvalidData);
  using region = MmapRegion.anonymous(8192);
  assertThrows(() => Latest.attach(region.handle()), Deno.errors.InvalidData, "holds no");
  for (const [word, byte] of [[5, 0], [5, -1], [5, 5000], [4, 64], [4, -64]]) {
    using latest = Latest.create({ byteLength: 100 });
    latest.region.view(Int32Array)[word!] = byte!;
    assertThrows(() => Latest.attach(latest.handle()), Deno.errors.InvalidData);
  }
});

Deno.test("Latest.read() is never torn, and a killed writer leaves a whole value", async () => {
  for (let round = 0; round < 5; round++) {
    using latest = Latest.create({ byteLength: 20_000 });
    await using child = new Child(WRITERS, { args: ["write"], env: latest.env() });
    await latest.changed();
    const target = new Uint8Array(latest.byteLength);
    for (let i = 0; i < 1000; i++) {
      const [first] = latest.read(target);
      assert(target.every((byte) => byte === first), "torn value");
    }
    child.kill();
    await child.ended();
    const [first] = latest.read(target);
    assert(target.every((byte) => byte === first), "torn value after the kill");
    latest.write(value(7, latest.byteLength));
    assertEquals(latest.read()[0], 7);
  }
});

Deno.test("Latest counts every write of several writers, and no value is of two", async () => {
  using latest = Latest.create({ byteLength: 5000 });
  const writers = [0, 100].map((first) =>
    new Child(WRITERS, { args: ["writeMany", first], env: latest.env() })
  );
  for (const writer of writers) assertEquals(await writer.readLine(), "up");
  await Promise.all(writers.map((writer) => writer.writeLine("")));
  await latest.changed();
  const target = new Uint8Array(latest.byteLength);
  for (let i = 0; i < 500; i++) {
    const [first] = latest.read(target);
    assert(target.every((byte) => byte === first), "torn value");
  }
  for (const writer of writers) assertEquals((await writer.ended()).code, 0);
  assertEquals(latest.version, 40_000);
});
