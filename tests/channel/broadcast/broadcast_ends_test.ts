/** How a broadcast ends, who may write to it, and what there may be in its memory. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Broadcast, Channel, Latest } from "@mmap/mmap/channel";
import { join } from "@std/path";
import { withTempDir } from "../../_files.ts";
import { bytes, textOf } from "../_channels.ts";
import { drain, feedPeer, filePeer, messageOf, numberOf, publishNumbers } from "./_broadcasts.ts";

Deno.test("Broadcast.close() by the writer lets readers have what is kept, then the end", async () => {
  const feed = Broadcast.create({ capacity: 4096 });
  using other = Broadcast.attach(feed.handle());
  using reader = other.subscribe();
  using waiting = other.subscribe();
  feed.publish(bytes("a"));
  feed.publish(bytes("b"));
  assertEquals([textOf(waiting.tryReceive()), textOf(waiting.tryReceive())], ["a", "b"]);
  const receiving = waiting.receive();
  feed.close();
  assertEquals(await receiving, null);
  assertEquals(textOf(reader.receiveSync()), "a");
  const rest: (string | null)[] = [];
  for await (const message of reader) rest.push(textOf(message));
  assertEquals(rest, ["b"]);
  assertEquals(
    [reader.tryReceive(), reader.receiveSync(), await reader.receive()],
    [null, null, null],
  );
  using late = other.subscribe({ from: "oldest" });
  assertEquals([textOf(late.receiveSync()), textOf(late.receiveSync())], ["a", "b"]);
  assertEquals(late.receiveSync(), null);
});

Deno.test("Subscription.receive() throws BadResource if closed before its turn comes", async () => {
  using feed = Broadcast.create({ capacity: 4096 });
  const reader = feed.subscribe();
  const receiving = Promise.allSettled([reader.receive(), reader.receive()]);
  feed.publish(bytes("a"));
  feed.publish(bytes("b"));
  reader[Symbol.dispose]();
  const states = (await receiving).map((result) =>
    result.status === "rejected" ? result.reason : textOf(result.value)
  );
  for (const state of states) assert(state instanceof Deno.errors.BadResource, `${state}`);
});

Deno.test("Broadcast.close() by a reader ends nothing", () => {
  using feed = Broadcast.create({ capacity: 4096 });
  using reader = feed.subscribe();
  feed.publish(bytes("a"));
  const other = Broadcast.attach(feed.handle());
  other.subscribe();
  other.close();
  feed.publish(bytes("b"));
  assertEquals([textOf(reader.receiveSync()), textOf(reader.receiveSync())], ["a", "b"]);
});

Deno.test("Broadcast.publish() throws Busy beside a living writer, BrokenPipe after it has closed", () => {
  const feed = Broadcast.create({ capacity: 4096 });
  using other = Broadcast.attach(feed.handle());
  using reader = other.subscribe();
  feed.publish(bytes("a"));
  assertThrows(() => other.publish(bytes("b")), Deno.errors.Busy, `process ${Deno.pid}`);
  feed.close();
  assertThrows(() => other.publish(bytes("b")), Deno.errors.BrokenPipe, "has ended");
  assertThrows(() => other.publish(bytes("b")), Deno.errors.BrokenPipe, "has ended");
  assertEquals([textOf(reader.receiveSync()), reader.receiveSync()], ["a", null]);
});

Deno.test("Broadcast.publish() goes on in one that had ended when it was opened", () => {
  const first = Broadcast.create({ capacity: 4096 });
  using witness = Broadcast.attach(first.handle());
  using reader = witness.subscribe();
  publishNumbers(first, 0, 3);
  first.close();
  const received = { count: 0 };
  drain(reader, received);
  assertEquals(reader.receiveSync(), null);
  using second = Broadcast.attach(witness.handle());
  publishNumbers(second, 3, 300);
  drain(reader, received);
  assertEquals(reader.lost + received.count, 300);
  assertThrows(() => reader.receiveSync({ timeoutMs: 0 }), Deno.errors.TimedOut);
});

Deno.test("Broadcast throws ConnectionReset for a dead writer after draining, and another one goes on", async () => {
  using feed = Broadcast.create({ capacity: 4096 });
  using reader = feed.subscribe();
  await using child = feedPeer(feed, "writeThree");
  assertEquals(await child.readLine(), "published");
  assertThrows(() => feed.publish(messageOf(3)), Deno.errors.Busy, `process ${child.pid}`);
  const received = { count: 0 };
  drain(reader, received);
  const waiting = reader.receive();
  child.kill();
  const { ConnectionReset } = Deno.errors;
  const name = `the writer, process ${child.pid}, has died`;
  await assertRejects(() => waiting, ConnectionReset, name);
  assertThrows(() => reader.receiveSync(), ConnectionReset, name);
  assertEquals(reader.tryReceive(), null);
  using late = feed.subscribe({ from: "oldest" });
  for (let i = 0; i < 3; i++) assertEquals(numberOf((await late.receive())!), i);
  await assertRejects(() => late.receive(), ConnectionReset, name);
  publishNumbers(feed, 3, 400);
  drain(reader, received);
  assertEquals(reader.lost + received.count, 400);
});

for (const wait of ["adaptive", "block", "spin"] as const) {
  Deno.test(`Subscription.receiveSync() ends with wait "${wait}": with messages, then with a death`, async () => {
    using feed = Broadcast.create({ capacity: 65536, wait });
    using reader = feed.subscribe();
    await using child = feedPeer(feed, "writeAndDie");
    for (let i = 0; i < 50; i++) assertEquals(numberOf(reader.receiveSync()!), i);
    assertThrows(() => reader.receiveSync(), Deno.errors.ConnectionReset, `process ${child.pid}`);
  });
}

Deno.test("Broadcast in a file goes on after the death and after the end of its writer", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "feed");
    await using killed = filePeer(path, 0, 100, false);
    assertEquals(await killed.readLine(), "published");
    killed.kill();
    await killed.ended();
    {
      using feed = Broadcast.create({ path, capacity: 65536 });
      using reader = feed.subscribe({ from: "oldest" });
      for (let i = 0; i < 100; i++) assertEquals(numberOf(reader.receiveSync()!), i);
      assertThrows(() => reader.receiveSync(), Deno.errors.ConnectionReset);
    }
    await using closing = filePeer(path, 100, 110, true);
    assertEquals(await closing.readLine(), "published");
    assertEquals((await closing.ended()).code, 0);
    using feed = Broadcast.create({ path, capacity: 65536 });
    using reader = feed.subscribe({ from: "oldest" });
    for (let i = 0; i < 110; i++) assertEquals(numberOf(reader.receiveSync()!), i);
    assertEquals(reader.receiveSync(), null);
    feed.publish(messageOf(110));
    assertEquals(numberOf(reader.receiveSync()!), 110);
    const { AlreadyExists } = Deno.errors;
    assertThrows(() => Broadcast.create({ path, capacity: 4096 }), AlreadyExists);
    assertThrows(() => Channel.create({ path, capacity: 65536 }), AlreadyExists);
  });
});

Deno.test("Broadcast.create() joins the one of a name", () => {
  const name = `broadcast-${crypto.randomUUID().slice(0, 18)}`;
  using feed = Broadcast.create({ name, capacity: 4096 });
  using other = Broadcast.create({ name, capacity: 4096 });
  using reader = other.subscribe();
  feed.publish(bytes("a"));
  assertEquals(textOf(reader.tryReceive()), "a");
  assertThrows(() => Broadcast.create({ name, capacity: 8192 }), Deno.errors.AlreadyExists);
});

Deno.test("Broadcast.attach() throws InvalidData for something else or a damaged header", () => {
  using channel = Channel.create({ capacity: 4096 });
  using latest = Latest.create({ byteLength: 1000 });
  using region = MmapRegion.anonymous(8192);
  for (const other of [channel, latest, region]) {
    assertThrows(() => Broadcast.attach(other.handle()), Deno.errors.InvalidData, "broadcast");
  }
  for (const capacity of [0, -4096, 2048, 4097, 8192]) {
    using feed = Broadcast.create({ capacity: 4096 });
    feed.region.view(Int32Array)[4] = capacity;
    assertThrows(() => Broadcast.attach(feed.handle()), Deno.errors.InvalidData);
  }
  assertThrows(() => Broadcast.fromEnv("MMAP_NO_SUCH_THING"), Deno.errors.NotFound);
});

/** Makes it look as if so much had been published and all of it were gone. */
function age(feed: Broadcast, units: number, number: number): void {
  const words = feed.region.view(Int32Array);
  for (const at of [16, 32]) {
    words[at] = units | 0;
    words[at + 1] = Math.floor(units / 2 ** 32);
  }
  words[18] = Math.floor(number / 2 ** 31);
  words[1024 + 2 * (units % (feed.capacity / 8)) + 1] = number | 0;
}

Deno.test("Broadcast goes on beyond 2^32 units and 2^31, 2^32 and 2^33 messages", () => {
  for (const [units, number] of [[2 ** 32, 2 ** 31], [2 ** 33, 2 ** 32], [2 ** 40, 2 ** 33]]) {
    using feed = Broadcast.create({ capacity: 4096 });
    age(feed, units! - 300, number! - 20);
    using reader = feed.subscribe();
    using slow = feed.subscribe();
    const received = { count: 0 };
    for (let i = 0; i < 40; i++) {
      publishNumbers(feed, i, i + 1);
      drain(reader, received);
    }
    assertEquals([reader.lost, received.count], [0, 40]);
    const next = numberOf(slow.tryReceive()!);
    assertEquals(slow.lost, next);
    assert(next > 0);
    // Whoever takes over knows the numbers too.
    feed.close();
  }
});

Deno.test("Subscription counts what it lost while 2^32 units and more went by", () => {
  for (const units of [2 ** 32, 3 * 2 ** 32, 2 ** 32 + 512]) {
    using feed = Broadcast.create({ capacity: 4096 });
    using reader = feed.subscribe();
    age(feed, units, 5e9);
    publishNumbers(feed, 0, 2);
    assertEquals(numberOf(reader.tryReceive()!), 0);
    assertEquals(reader.lost, 5e9);
    assertEquals(numberOf(reader.tryReceive()!), 1);
    assertEquals(reader.tryReceive(), null);
  }
});

Deno.test("Subscription throws InvalidData if somebody writes nonsense to the ring", () => {
  for (
    const [word, value] of [
      [1024, 57], // the first message's length
      [1024, -2],
      [1024, -1],
      [1024, 2 ** 30],
      [1025, 7], // its number
      [16, 1], // TAIL
      [16, -1],
      [17, -5],
      [32, 64], // OLDEST
      [33, 5],
    ]
  ) {
    using feed = Broadcast.create({ capacity: 4096 });
    using reader = feed.subscribe();
    feed.publish(new Uint8Array(56));
    feed.region.view(Int32Array)[word!] = value!;
    assertThrows(() => reader.tryReceive(), Deno.errors.InvalidData, "damaged");
    assertThrows(() => reader.receiveSync(), Deno.errors.InvalidData, "damaged");
  }
});

Deno.test("Broadcast.publish() gives up what nobody can read, and goes on", () => {
  using feed = Broadcast.create({ capacity: 4096 });
  using reader = feed.subscribe();
  publishNumbers(feed, 0, 2);
  feed.region.view(Int32Array)[1024] = 2 ** 30;
  publishNumbers(feed, 2, 30);
  const received = { count: 0 };
  drain(reader, received);
  assertEquals(reader.lost + received.count, 30);
});

Deno.test("Broadcast survives random nonsense in its memory", () => {
  const random = (end: number) => Math.floor(Math.random() * end);
  for (let round = 0; round < 300; round++) {
    using feed = Broadcast.create({ capacity: 4096 });
    using reader = feed.subscribe({ from: random(2) ? "newest" : "oldest" });
    const words = feed.region.view(Int32Array);
    const pokes = [7, 16, 17, 18, 32, 33, 48, 1024 + random(1024), 1024 + random(1024)];
    for (let i = 0; i < 60; i++) {
      const word = pokes[random(pokes.length)]!;
      if (random(4) === 0) words[word] = random(2) ? random(1024) : random(2 ** 32) | 0;
      try {
        if (random(2)) feed.publish(new Uint8Array(random(300)));
        reader.tryReceive();
        if (random(9) === 0) feed.subscribe({ from: random(2) ? "newest" : "oldest" });
      } catch (error) {
        const { BrokenPipe, InvalidData } = Deno.errors; // the first for a STATE of nonsense
        assert(error instanceof InvalidData || error instanceof BrokenPipe, String(error));
      }
    }
  }
});
