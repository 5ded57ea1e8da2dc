/** Making, joining and finding channels. */

import { assertEquals, assertThrows } from "@std/assert";
import { formatHandle, MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { join } from "@std/path";
import { withTempDir } from "../../_files.ts";
import { bytes, textOf } from "../_channels.ts";

Deno.test("Channel.create() rounds the capacity up to a power of two of at least 4096", () => {
  for (const [wanted, capacity] of [[1, 4096], [4096, 4096], [4097, 8192], [100_000, 131072]]) {
    using channel = Channel.create({ capacity: wanted! });
    assertEquals(channel.capacity, capacity);
    assertEquals(channel.maxByteLength, capacity! / 2 - 8);
  }
});

Deno.test("Channel.create() throws RangeError or TypeError for wrong options", () => {
  for (const capacity of [0, -1, 0.5, NaN, Infinity, 2 ** 30 + 1]) {
    assertThrows(() => Channel.create({ capacity }), RangeError, "capacity");
  }
  const wrong = [
    { capacity: "4096" },
    { capacity: 4096, producers: "many" },
    { capacity: 4096, consumers: 1 },
    { capacity: 4096, wait: "never" },
    { capacity: 4096, name: "a", path: "b" },
  ];
  for (const options of wrong) {
    assertThrows(() => Channel.create(options as unknown as { capacity: number }), TypeError);
  }
});

Deno.test("Channel.create() joins the channel at a path", async () => {
  await withTempDir((dir) => {
    const options = { path: join(dir, "queue"), capacity: 4096 };
    using first = Channel.create(options);
    using second = Channel.create(options);
    first.sendSync(bytes("hello"));
    assertEquals(textOf(second.receiveSync()), "hello");
  });
});

Deno.test("Channel.create() continues a file where its consumer was", async () => {
  await withTempDir((dir) => {
    const options = { path: join(dir, "queue"), capacity: 4096 };
    {
      using channel = Channel.create(options);
      for (const text of ["a", "b", "c"]) channel.sendSync(bytes(text));
      channel.receiveSync();
    }
    using again = Channel.create(options);
    assertEquals(textOf(again.receiveSync()), "b");
    assertEquals(textOf(again.receiveSync()), "c");
    assertEquals(again.receiveSync(), null); // its producer had closed it
  });
});

Deno.test("Channel.create() throws AlreadyExists for another shape or something else", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "queue");
    Channel.create({ path, capacity: 4096 }).close();
    const shapes = [{ capacity: 8192 }, { capacity: 4096, producers: "multiple" }] as const;
    for (const shape of shapes) {
      assertThrows(() => Channel.create({ path, ...shape }), Deno.errors.AlreadyExists);
    }
    for (const content of ["a text\n", "x".repeat(8192)]) {
      Deno.writeTextFileSync(path, content);
      assertThrows(() => Channel.create({ path, capacity: 4096 }), Deno.errors.AlreadyExists);
      assertEquals(Deno.readTextFileSync(path), content);
    }
  });
});

Deno.test("Channel.create() takes a file that is empty or zeros", async () => {
  await withTempDir((dir) => {
    for (const size of [0, 8192]) {
      const path = join(dir, `${size}`);
      Deno.writeFileSync(path, new Uint8Array(size));
      using channel = Channel.create({ path, capacity: 4096 });
      channel.sendSync(bytes("x"));
      assertEquals(Deno.statSync(path).size, 8192);
    }
  });
});

Deno.test("Channel.create() joins the channel of a name, which goes with its maker", () => {
  const options = { name: `channel-${crypto.randomUUID().slice(0, 18)}`, capacity: 4096 };
  {
    using first = Channel.create(options);
    using second = Channel.create(options);
    first.sendSync(bytes("hello"));
    assertEquals(textOf(second.receiveSync()), "hello");
  }
  assertEquals(MmapRegion.list().filter(({ name }) => name === options.name), []);
});

Deno.test("Channel.over() makes a channel in zeroed memory and joins it, and leaves the region open", () => {
  using region = MmapRegion.anonymous(65536);
  {
    using first = Channel.over(region, 128, { capacity: 8192, consumers: "multiple" });
    using second = Channel.over(region, 128);
    assertEquals(second.capacity, 8192);
    first.sendSync(bytes("hello"));
    assertEquals(textOf(second.receiveSync()), "hello");
    using third = Channel.attach(second.handle());
    first.sendSync(bytes("third"));
    assertEquals(textOf(third.receiveSync()), "third");
  }
  assertEquals(region.closed, false);
});

Deno.test("Channel.over() takes the largest ring for which there is room", () => {
  using region = MmapRegion.anonymous(4096 + 20_000);
  using channel = Channel.over(region);
  assertEquals(channel.capacity, 16384);
});

Deno.test("Channel.over() throws RangeError where it does not fit", () => {
  using region = MmapRegion.anonymous(65536);
  assertThrows(() => Channel.over(region, 32), RangeError, "multiple of 64");
  assertThrows(() => Channel.over(region, 65536), RangeError);
  assertThrows(() => Channel.over(region, 61440), RangeError, "at least 4096");
  assertThrows(() => Channel.over(region, 0, { capacity: 65536 }), RangeError);
  assertEquals(region.bytes.every((byte) => byte === 0), true);
});

Deno.test("Channel.over() throws AlreadyExists over other content, and does not touch it", () => {
  using region = MmapRegion.anonymous(8192);
  region.bytes.fill(65);
  assertThrows(() => Channel.over(region), Deno.errors.AlreadyExists);
  assertEquals(region.bytes.every((byte) => byte === 65), true);
  region.bytes.fill(0);
  region.bytes[4000] = 65;
  assertThrows(() => Channel.over(region), Deno.errors.AlreadyExists);

  assertEquals(region.bytes.findIndex((byte) => byte !== 0), 4000);
});

Deno.test("Channel.over() throws TypeError over a region that cannot be written to", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "data");
    Deno.writeFileSync(path, new Uint8Array(8192));
    using region = MmapRegion.open(path);
    assertThrows(() => Channel.over(region), TypeError, "read-write");
  });
});

Deno.test("Channel.attach() throws InvalidData if the region holds no channel", () => {
  for (const byteLength of [100, 8192]) {
    using region = MmapRegion.anonymous(byteLength);
    const attach = () => Channel.attach(region.handle());
    assertThrows(attach, Deno.errors.InvalidData, "holds no channel");
    region.bytes.fill(65);
    assertThrows(attach, Deno.errors.InvalidData, "holds no");
  }
});

Deno.test("Channel.attach() throws InvalidData if the header is damaged", () => {
  for (const [word, value] of [[4, 5000], [4, 1 << 29], [4, -4096], [4, 0], [3, 99]]) {
    using channel = Channel.create({ capacity: 8192 });
    channel.region.view(Int32Array)[word!] = value!;
    assertThrows(() => Channel.attach(channel.handle()), Deno.errors.InvalidData);
  }
});

Deno.test("Channel.attach() takes the text form of a handle", () => {
  using channel = Channel.create({ capacity: 4096 });
  using other = Channel.attach(formatHandle(channel.handle()), { wait: "block" });
  assertEquals(other.capacity, 4096);
});

Deno.test("Channel.fromEnv() throws NotFound if the variable is not set", () => {
  assertThrows(() => Channel.fromEnv("MMAP_NO_SUCH"), Deno.errors.NotFound, "MMAP_NO_SUCH");
});

Deno.test("Channel.env() names the variable", () => {
  using channel = Channel.create({ capacity: 4096 });
  assertEquals(Object.keys(channel.env()), ["MMAP_CHANNEL"]);
  using other = Channel.attach(channel.env("OTHER")["OTHER"]!);
  assertEquals(other.capacity, 4096);
});
