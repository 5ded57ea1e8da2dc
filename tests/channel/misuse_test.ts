/** Channels that are used in the wrong way, and at the wrong moment. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { CAPACITY, RING } from "../../src/channel/layout.ts";
import { HEAD, MOST_ENDPOINTS, TAIL } from "../../src/channel/queue/queue_layout.ts";
import { bytes, fill, openPair, textOf } from "./_channels.ts";
import { descriptorsOf, mapsOf } from "../_process.ts";
import { withMovable } from "../_regions.ts";

const { BadResource, Busy, BrokenPipe, InvalidData, TimedOut } = Deno.errors;

Deno.test("Channel.send() sends nothing if the message was detached while it waited", async () => {
  using pair = openPair();
  const { sender, receiver } = pair;
  const count = fill(sender);
  const message = new Uint8Array(1000);
  const sending = sender.send(message);
  message.buffer.transfer();
  const rejected = assertRejects(() => sending, TypeError, "Cannot send message");
  for (let i = 0; i < count; i++) assertEquals((await receiver.receive())?.length, 1000);
  await rejected;
  sender.sendSync(bytes("next"));
  assertEquals(textOf(receiver.tryReceive()), "next");
  assertEquals(receiver.tryReceive(), null);
});

for (const method of ["send", "sendMany"] as const) {
  Deno.test(`Channel.${method}() sends nothing if the message grew while it waited`, async () => {
    using pair = openPair();
    const { sender, receiver } = pair;
    const count = fill(sender);
    const buffer = new ArrayBuffer(1000, { maxByteLength: 4000 });
    const message = new Uint8Array(buffer);
    const sending = method === "send" ? sender.send(message) : sender.sendMany([message]);
    buffer.resize(4000);
    message.fill(255);
    const rejected = assertRejects(() => sending, TypeError, "Cannot send message");
    for (let i = 0; i < count; i++) {
      assertEquals(await receiver.receive(), new Uint8Array(1000).fill(i));
    }
    await rejected;
    assertEquals(receiver.tryReceive(), null);
    sender.sendSync(bytes("next"));
    assertEquals(textOf(receiver.tryReceive()), "next");
  });
}

Deno.test("Channel.sendMany() throws Busy if a slot is reserved between its batches", async () => {
  using pair = openPair({ capacity: 65536 });
  const { sender, receiver } = pair;
  let slot: ReturnType<typeof sender.reserve> = null;
  const sending = sender.sendMany((function* (): Generator<Uint8Array> {
    for (let i = 0; i < 600; i++) {
      if (i === 500) slot = sender.reserve(1);
      yield new Uint8Array(8).fill(i);
    }
  })());
  await assertRejects(() => sending, Busy);
  slot!.bytes[0] = 7;
  slot!.commit();
  const received = await receiver.receiveMany(1000);
  assertEquals(received.length, 257);
  assertEquals(received.at(-1), new Uint8Array([7]));
});

Deno.test("Channel.sendMany() throws Busy if its iterable reserves a slot", async () => {
  using pair = openPair();
  const { sender, receiver } = pair;
  await assertRejects(() =>
    sender.sendMany((function* (): Generator<Uint8Array> {
      yield bytes("a");
      sender.reserve(1);
    })()), Busy);
  assertEquals(receiver.tryReceive(), null);
});

Deno.test("Channel.sendMany() can be aborted between its batches", async () => {
  using pair = openPair({ capacity: 65536 });
  const { sender, receiver } = pair;
  const aborting = new AbortController();
  class Enough extends Error {}
  const sending = sender.sendMany(
    (function* (): Generator<Uint8Array> {
      for (let i = 0; i < 600; i++) {
        if (i === 300) aborting.abort(new Enough());
        yield new Uint8Array(8);
      }
    })(),
    { signal: aborting.signal },
  );
  await assertRejects(() => sending, Enough);
  assertEquals((await receiver.receiveMany(1000)).length, 256);
});

Deno.test("Channel.close() rejects calls that wait for their turn, and they take nothing", async () => {
  using region = MmapRegion.anonymous(8192);
  using sender = Channel.over(region);
  const receiver = Channel.over(region);
  const calls = [receiver.receive(), receiver.receive(), receiver.receiveMany(5)];
  receiver.close();
  const rejected = calls.map((call) => assertRejects(() => call, BadResource));
  using next = Channel.over(region);
  assertEquals(next.tryReceive(), null);
  sender.sendSync(bytes("for the next one"));
  await Promise.all(rejected);
  assertEquals(textOf(next.tryReceive()), "for the next one");
});

Deno.test("Channel.close() rejects sends that wait for their turn, and nothing is sent", async () => {
  using region = MmapRegion.anonymous(8192);
  const sender = Channel.over(region, 0, { producers: "multiple" });
  using other = Channel.over(region);
  other.sendSync(bytes("first"));
  const count = fill(sender);
  const calls = [sender.send(new Uint8Array(1000)), sender.send(bytes("late"))];
  sender.close();
  const rejected = calls.map((call) => assertRejects(() => call, BadResource));
  using receiver = Channel.over(region);
  for (let i = 0; i <= count; i++) receiver.receiveSync();
  await Promise.all(rejected);
  assertEquals(receiver.tryReceive(), null);
});

Deno.test("Slot.commit() sends all of it if the region was resized meanwhile", () =>
  withMovable(8192, (region) => {
    using channel = Channel.over(region, 0, { capacity: 4096 });
    using slot = channel.reserve(5)!;
    slot.bytes.set(bytes("hello"));
    region.resize(1 << 20);
    slot.commit();
    assertEquals(textOf(channel.tryReceive()), "hello");
  }));

Deno.test("Channel.peek() throws InvalidData for a record that would leave the ring", () => {
  using region = MmapRegion.anonymous(16384);
  using channel = Channel.over(region, 0, { capacity: 4096 });
  const cells = region.view(Int32Array);
  // At the end of the ring there is room for 8 bytes.
  cells[HEAD] = 510;
  cells[TAIL] = 510 + 200;
  cells[RING + 2 * 510] = 1500;
  assertThrows(() => channel.peek(), InvalidData);
  assertThrows(() => channel.tryReceive(), InvalidData);
  assertThrows(() => channel.tryReceiveInto(new Uint8Array(2000)), InvalidData);
});

Deno.test("Channel.receiveMany() throws InvalidData for positions that cannot be", async () => {
  for (const high of [-1, 1 << 24, 0x7fffffff]) {
    using region = MmapRegion.anonymous(4096 + (1 << 20));
    using channel = Channel.over(region);
    const cells = region.view(Int32Array);
    cells.set([0, high], HEAD);
    cells.set([4096, high], TAIL);
    await assertRejects(() => channel.receiveMany(1e9), InvalidData);
    assertThrows(() => channel.trySend(new Uint8Array(1)), InvalidData);
  }
});

Deno.test("Channel.create() closes its region if there is no room in the list", async () => {
  const path = await Deno.makeTempFile();
  const all: Channel[] = [];
  try {
    for (let i = 0; i < MOST_ENDPOINTS; i++) all.push(Channel.create({ path, capacity: 4096 }));
    const before = descriptorsOf(path).length;
    const handle = all[0]!.handle();
    for (let i = 0; i < 8; i++) {
      assertThrows(() => Channel.create({ path, capacity: 4096 }), Busy);
      assertThrows(() => Channel.attach(handle), Busy);
    }
    assertEquals(mapsOf(path).length, MOST_ENDPOINTS);
    assertEquals(descriptorsOf(path).length, before);
  } finally {
    for (const channel of all) channel.close();
    await Deno.remove(path);
  }
});

Deno.test("Channel.receive() that waits for its turn takes a timeout of any length", async () => {
  using pair = openPair();
  const { sender, receiver } = pair;
  const first = receiver.receive();
  const second = receiver.receive({ timeoutMs: 1e12 });
  // Whatever is due at once comes before this.
  await new Promise((resolve) => setTimeout(resolve, 20));
  await sender.sendMany([bytes("1"), bytes("2")]);
  assertEquals([await first, await second].map(textOf), ["1", "2"]);
});

for (const timeoutMs of [0, 1e-9]) {
  Deno.test(`Channel throws TimedOut at once for a timeoutMs of ${timeoutMs}, and takes what is there`, async () => {
    using pair = openPair();
    const { sender, receiver } = pair;
    assertThrows(() => receiver.receiveSync({ timeoutMs }), TimedOut);
    await assertRejects(() => receiver.receive({ timeoutMs }), TimedOut);
    await assertRejects(() => receiver.receiveMany(2, { timeoutMs }), TimedOut);
    sender.sendSync(bytes("a"), { timeoutMs });
    await sender.send(bytes("b"), { timeoutMs });
    assertEquals(textOf(receiver.receiveSync({ timeoutMs })), "a");
    assertEquals(textOf(await receiver.receive({ timeoutMs })), "b");
    fill(sender);
    assertThrows(() => sender.sendSync(new Uint8Array(1000), { timeoutMs }), TimedOut);
    await assertRejects(() => sender.send(new Uint8Array(1000), { timeoutMs }), TimedOut);
  });
}

Deno.test("Channel throws RangeError or TypeError for limits that are none, and does nothing", async () => {
  using pair = openPair();
  const { sender, receiver } = pair;
  for (const timeoutMs of [-1, NaN, -Infinity]) {
    assertThrows(() => sender.sendSync(bytes("a"), { timeoutMs }), RangeError);
    await assertRejects(() => sender.send(bytes("a"), { timeoutMs }), RangeError);
    await assertRejects(() => sender.sendMany([bytes("a")], { timeoutMs }), RangeError);
    assertThrows(() => receiver.receiveSync({ timeoutMs }), RangeError);
  }
  // deno-lint-ignore no-explicit-any
  const signal = { aborted: false } as any;
  await assertRejects(() => sender.send(bytes("a"), { signal }), TypeError);
  await assertRejects(() => receiver.receive({ signal }), TypeError);
  assertEquals(receiver.tryReceive(), null);
});

Deno.test("Channel throws Busy rather than to wait for a turn that this isolate has", async () => {
  using pair = openPair({ producers: "multiple", consumers: "multiple" });
  using other = Channel.attach(pair.sender.handle());
  const slot = pair.sender.reserve(1)!;
  assertThrows(() => other.sendSync(bytes("a")), Busy);
  assertEquals(other.trySend(bytes("a")), false);
  const sending = other.send(bytes("b")); // this can wait
  slot.commit();
  await sending;
  const message = pair.receiver.peek()!;
  assertThrows(() => other.receiveSync(), Busy);
  const receiving = other.receive();
  message[Symbol.dispose]();
  assertEquals(textOf(await receiving), "b");
});

Deno.test("Channel.closeSending() throws BadResource after close, also if the channel has ended", () => {
  using region = MmapRegion.anonymous(8192);
  const channel = Channel.over(region);
  channel.closeSending();
  channel.closeSending();
  channel.close();
  assertThrows(() => channel.closeSending(), BadResource);
  using other = Channel.over(region);
  assertThrows(() => other.trySend(bytes("a")), BrokenPipe);
  assert(other.ended);
  assertEquals(region.view(Int32Array)[CAPACITY], 4096);
});
