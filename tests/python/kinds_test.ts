/** Regions, records, Latest and Broadcast between Deno and Python: languages/python/mmap_peer.py. */

import { assert, assertEquals } from "@std/assert";
import { formatHandle, MmapRegion } from "@mmap/mmap";
import { Broadcast, Latest } from "@mmap/mmap/channel";
import { array, bool, chars, f64, i32, struct } from "@mmap/mmap/struct";
import { bytes } from "../channel/_channels.ts";
import { Child } from "../_child.ts";
import { withTempDir } from "../_files.ts";
import { pythonWith } from "../_python.ts";
import { assertRaises, PythonPeer, testWithPython } from "./_peer.ts";

const PAGE = 4096;

testWithPython(
  "Region maps a file, a name, a descriptor and what is in the environment",
  () =>
    withTempDir(async (dir) => {
      using file = MmapRegion.open(`${dir}/file`, {
        access: "read-write",
        create: true,
        byteLength: PAGE,
      });
      const name = `mmap-test-${crypto.randomUUID().slice(0, 13)}`;
      using named = MmapRegion.named(name, { createNew: true, byteLength: PAGE });
      using anonymous = MmapRegion.anonymous(PAGE);
      await using python = new PythonPeer([], anonymous.env());
      await python.make("file", "Region", `${dir}/file`);
      await python.make("named", "Region.named", name);
      await python.make("anonymous", "Region.from_env");
      for (const [what, region] of Object.entries({ file, named, anonymous })) {
        region.view(Float64Array)[3] = 1.5;
        assertEquals(await python.ask("change_number", what, 3), 1.5);
        assertEquals(region.view(Float64Array)[3], 2.5);
        await python.do(`${what}.flush`);
        await python.do(`${what}.close`);
        await assertRaises(python.do(`${what}.flush`), "ValueError", "closed");
      }
      await assertRaises(python.make("x", "Region.named", "a/b"), "ValueError", "is no name");
      await assertRaises(python.make("x", "Region", `${dir}/missing`), "FileNotFoundError");
      await assertRaises(
        python.make("x", "Region", `${dir}/file`, { length: PAGE + 1 }),
        "ValueError",
      );
    }),
);

testWithPython(
  "Region of a handle is that object, its part and its access",
  () =>
    withTempDir(async (dir) => {
      Deno.writeFileSync(`${dir}/file`, Uint8Array.from({ length: 3 * PAGE }, (_, i) => i >> 4));
      await using python = new PythonPeer();
      using part = MmapRegion.open(`${dir}/file`, { byteOffset: PAGE + 128, byteLength: 64 });
      const handle = part.handle();
      await python.make("part", "Region.attach", `${formatHandle(handle)}\n`);
      assertEquals(await python.do("part.bytes"), part.bytes.slice());
      assertEquals(await python.do("part.writable"), false);
      const wrong = [
        [{ ...handle, inode: "1" }, "FileNotFoundError"],
        [{ ...handle, birthTime: "1" }, "FileNotFoundError"],
        [{ ...handle, byteLength: 1e6 }, "ValueError"],
      ] as const;
      for (const [changed, error] of wrong) {
        await assertRaises(python.make("x", "Region.attach", formatHandle(changed)), error);
      }
      const text = formatHandle(handle);
      for (
        const [malformed, says] of [
          ["nonsense", "must begin with"],
          [text.replace("version=2", "version=3"), "version 3"],
          [text.replace("system=linux", "system=darwin"), "of darwin"],
          [text.replace(/&fd=\d+/, ""), "it has no fd"],
          [text.replace(/&fd=\d+/, "&fd=-1"), "its fd must be a number"],
        ] as const
      ) await assertRaises(python.make("x", "Region.attach", malformed), "ValueError", says);
    }),
);

testWithPython("Region.record() is a struct of Deno, in place", async () => {
  const Person = struct({ name: chars(4), age: i32 });
  using region = MmapRegion.anonymous(PAGE);
  const person = Person.at(region, 64);
  person.set({ name: "Anna", age: 41 });
  await using python = new PythonPeer();
  await python.make("r", "Region.attach", formatHandle(region.handle()));
  assertEquals(await python.ask("record", "r", 64), ["Anna", 41]);
  assertEquals(person.age, 42);
});

const numpy = pythonWith("numpy");

testWithPython("Region.array() is records of Deno for numpy, in place", async () => {
  const Point = struct({ name: chars(4), flag: bool, values: array(f64, 2) });
  using region = MmapRegion.anonymous(PAGE);
  const points = Point.array(region, { byteOffset: 64, length: 2 });
  points.at(0).set({ name: "a", values: [1, 2] });
  points.at(1).set({ name: "bcde", values: [3, 4] });
  await using python = new PythonPeer([], {}, numpy);
  await python.make("r", "Region.attach", formatHandle(region.handle()));
  assertEquals(await python.ask("numpy_records", "r", 64), [Point.byteLength, "bcde", 10]);
  assertEquals([...points.at(1).values], [6, 8]);
}, { ignore: numpy === undefined });

const ROUNDS = 3000;

testWithPython("Latest gives Python whole values, and Deno whole ones of Python", async () => {
  using latest = Latest.create({ byteLength: 1000 });
  await using python = new PythonPeer([], latest.env());
  await python.make("l", "Latest.from_env");
  assertEquals(await python.do("l.read"), new Uint8Array(1000));
  const torn = python.ask("latest_sums", "l", ROUNDS);
  for (let n = 0; n < ROUNDS; n++) {
    latest.write(new Uint8Array(1000).fill(n));
    if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals(await torn, 0);
  assertEquals(await python.do("l.version"), ROUNDS);
  await python.make("r", "Region.attach", formatHandle(latest.handle()));
  assertEquals(await python.ask("latest_overtaken", "l", "r"), true);
  const changed = latest.changed();
  await python.do("l.write", new Uint8Array(1000).fill(77));
  await changed;
  assertEquals(latest.read(), new Uint8Array(1000).fill(77));
  const waiting = python.do("l.changed");
  const cells = latest.region.view(Int32Array, 192, 1);
  while (Atomics.load(cells, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  latest.write(new Uint8Array(1000));
  assertEquals(await waiting, ROUNDS + 6);
  await assertRaises(python.do("l.changed", null, 0.01), "TimeoutError");
  await assertRaises(python.do("l.write", bytes("x")), "ValueError", "must have 1000");
});

testWithPython("Broadcast gives Python every message in order, or counts it as lost", async () => {
  using broadcast = Broadcast.create({ capacity: 4096 });
  await using python = new PythonPeer([], broadcast.env());
  await python.make("b", "Broadcast.from_env");
  assertEquals(await python.do("b.try_receive"), null);
  const answer = python.ask("numbers_of", "b");
  for (let n = 0; n < ROUNDS; n++) {
    const message = new Uint8Array(8 + n % 90).fill(n);
    new DataView(message.buffer).setBigUint64(0, BigInt(n), true);
    broadcast.publish(message);
    if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  broadcast.close();
  const [count, lost, wrong] = await answer as [number, number, number];
  assertEquals([count + lost, wrong], [ROUNDS, 0]);
  assert(count > 0);
});

testWithPython("Broadcast begins for Python at the newest or the oldest message", async () => {
  using broadcast = Broadcast.create({ capacity: 4096 });
  for (let n = 0; n < 100; n++) broadcast.publish(new Uint8Array(100).fill(n));
  await using python = new PythonPeer([], broadcast.env());
  await python.make("b", "Broadcast.from_env");
  await python.do("b.seek", "oldest");
  const first = await python.do("b.try_receive") as Uint8Array;
  assert(first[0]! > 60 && first[0]! < 99, `${first[0]}`);
  assertEquals(await python.do("b.lost"), 0);
  await python.do("b.seek", "newest");
  broadcast.publish(bytes("new"));
  assertEquals(await python.do("b.receive"), bytes("new"));
  await assertRaises(python.do("b.seek", "middle"), "ValueError", "newest");
  await assertRaises(python.do("b.receive", 0.01), "TimeoutError");
});

testWithPython(
  "Broadcast wakes a Python that sleeps, and tells of its writer's death",
  async () => {
    using broadcast = Broadcast.create({ capacity: 4096 });
    await using python = new PythonPeer([], broadcast.env());
    await python.make("b", "Broadcast.from_env");
    const waiting = python.do("b.receive");
    const cells = broadcast.region.view(Int32Array, 192, 1);
    while (Atomics.load(cells, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await using writer = new Child(new URL("_publisher.ts", import.meta.url), {
      env: broadcast.env(),
    });
    assertEquals(await waiting, bytes("published"));
    writer.kill();
    assertEquals((await writer.ended()).signal, "SIGKILL");
    await assertRaises(python.do("b.receive"), "ConnectionResetError", `process ${writer.pid}`);
  },
);
