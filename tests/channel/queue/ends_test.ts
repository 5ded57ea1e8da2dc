/** How a channel ends, and who may use it. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Channel } from "@mmap/mmap/channel";
import { MmapRegion } from "@mmap/mmap";
import { bytes, fill, openPair, textOf } from "../_channels.ts";
import { ENDPOINTS } from "../../../src/channel/queue/queue_layout.ts";
import { withMovable } from "../../_regions.ts";

Deno.test("Channel.closeSending() lets receivers drain what is left, then see the end", async () => {
  using pair = openPair();
  const { sender, receiver } = pair;
  sender.sendSync(bytes("last"));
  sender.closeSending();
  sender.closeSending();
  assertEquals(receiver.ended, false);
  assertEquals(textOf(receiver.receiveSync()), "last");
  assertEquals(receiver.ended, true);
  assertEquals(receiver.tryReceive(), null);
  assertEquals(receiver.receiveSync(), null);
  assertEquals(await receiver.receive(), null);
  assertEquals(await receiver.receiveMany(5), []);
  assertEquals(receiver.peek(), null);
});

Deno.test("Channel throws BrokenPipe when sending on an ended channel", async () => {
  for (const producers of ["single", "multiple"] as const) {
    using channel = Channel.create({ capacity: 4096, producers });
    channel.closeSending();
    const message = bytes("late");
    assertThrows(() => channel.trySend(message), Deno.errors.BrokenPipe, "has ended");
    assertThrows(() => channel.sendSync(message), Deno.errors.BrokenPipe);
    await assertRejects(() => channel.send(message), Deno.errors.BrokenPipe);
    await assertRejects(() => channel.sendMany([message]), Deno.errors.BrokenPipe);
    assertThrows(() => channel.reserve(1), Deno.errors.BrokenPipe);
    assertEquals(channel.tryReceive(), null);
  }
});

Deno.test("Channel.closeSending() wakes a receiver that waits", async () => {
  using pair = openPair();
  pair.sender.trySend(bytes("x"));
  pair.receiver.tryReceive();
  const receiving = pair.receiver.receive();
  pair.sender.closeSending();
  assertEquals(await receiving, null);
});

Deno.test("Channel.closeSending() by one of several producers ends the channel for all", () => {
  using pair = openPair({ producers: "multiple" });
  using other = Channel.attach(pair.sender.handle());
  pair.sender.sendSync(bytes("1"));
  other.sendSync(bytes("2"));
  other.closeSending();
  assertThrows(() => pair.sender.sendSync(bytes("3")), Deno.errors.BrokenPipe);
  assertEquals(textOf(pair.receiver.receiveSync()), "1");
  assertEquals(textOf(pair.receiver.receiveSync()), "2");
  assertEquals(pair.receiver.receiveSync(), null);
});

Deno.test("Channel.close() by the last producer ends the channel, by another one does not", () => {
  using pair = openPair({ producers: "multiple" });
  const other = Channel.attach(pair.sender.handle());
  pair.sender.sendSync(bytes("1"));
  other.sendSync(bytes("2"));
  other.close();
  pair.sender.sendSync(bytes("3"));
  const third = Channel.attach(pair.sender.handle());
  third.sendSync(bytes("4"));
  third.close();
  assertEquals(pair.receiver.ended, false);
  using handle = MmapRegion.attach(pair.sender.region.handle());
  using receiver = Channel.over(handle);
  pair.sender.close();
  for (const text of ["1", "2", "3", "4", null]) assertEquals(textOf(receiver.receiveSync()), text);
});

Deno.test("Channel.close() by the last consumer makes sending throw BrokenPipe", async () => {
  using pair = openPair({ consumers: "multiple" });
  const { sender } = pair;
  const other = Channel.attach(sender.handle());
  pair.receiver.tryReceive();
  other.tryReceive();
  other.close();
  const count = fill(sender);
  assertEquals(count, 4);
  const sending = sender.send(new Uint8Array(1000));
  pair.receiver.close();
  await assertRejects(() => sending, Deno.errors.BrokenPipe, "the last consumer has left");
  assertThrows(() => sender.trySend(bytes("x")), Deno.errors.BrokenPipe);
  using next = Channel.attach(sender.handle());
  assertEquals(next.receiveSync()!.length, 1000); // there is one again
  assertEquals(sender.trySend(bytes("x")), true);
});

Deno.test("Channel throws Busy for a second producer or consumer of a single one", async () => {
  using pair = openPair();
  pair.sender.sendSync(bytes("1"));
  pair.receiver.tryReceive();
  assertThrows(() => pair.receiver.sendSync(bytes("2")), Deno.errors.Busy, `process ${Deno.pid}`);
  assertThrows(() => pair.receiver.closeSending(), Deno.errors.Busy);
  assertThrows(() => pair.sender.tryReceive(), Deno.errors.Busy);
  await assertRejects(() => pair.sender.receive(), Deno.errors.Busy);
});

Deno.test("Channel throws Busy for more than 124 objects, and has room when one leaves", () => {
  using first = Channel.create({ capacity: 65536, producers: "multiple" });
  using region = MmapRegion.attach(first.region.handle());
  const channels = Array.from({ length: 123 }, () => Channel.over(region));
  for (const channel of channels) channel.sendSync(bytes("x"));
  assertThrows(() => Channel.over(region), Deno.errors.Busy, "124 endpoints already");
  channels[30]!.close();
  Channel.over(region).close();
  first.sendSync(bytes("x"));
  for (const channel of channels) channel.close();
});

Deno.test("Channel throws BadResource after close, and closing twice is silent", async () => {
  const channel = Channel.create({ capacity: 4096 });
  channel.trySend(bytes("x"));
  const { readable, writable } = channel;
  const pending = channel.receive().then(() => channel.receive());
  await channel.sendMany([]);
  channel.close();
  channel.close();
  channel[Symbol.dispose]();
  const { BadResource } = Deno.errors;
  await assertRejects(() => pending, BadResource);
  assertEquals(channel.closed, true);
  for (
    const call of [
      () => channel.trySend(bytes("x")),
      () => channel.sendSync(bytes("x")),
      () => channel.tryReceive(),
      () => channel.receiveSync(),
      () => channel.reserve(1),
      () => channel.peek(),
      () => channel.closeSending(),
      () => channel.handle(),
      () => channel.env(),
      () => channel.ended,
      () => channel.readable,
      () => channel.writable,
    ]
  ) assertThrows(call, BadResource, undefined, `${call}`);
  await assertRejects(() => channel.send(bytes("x")), BadResource);
  await assertRejects(() => channel.sendMany([bytes("x")]), BadResource);
  await assertRejects(() => channel.receive(), BadResource);
  await assertRejects(() => channel.receiveMany(1), BadResource);
  await assertRejects(() => readable.getReader().read(), BadResource);
  await assertRejects(() => writable.getWriter().write(bytes("x")), BadResource);
});

Deno.test("Channel.close() rejects calls that wait, also where the region stays open", async () => {
  using region = MmapRegion.anonymous(8192);
  const channel = Channel.over(region);
  fill(channel);
  const sending = assertRejects(() => channel.send(new Uint8Array(1000)), Deno.errors.BadResource);
  await Promise.resolve();
  channel.close();
  await sending;
});

Deno.test("Channel.close() is silent if its region was closed before", () => {
  const region = MmapRegion.anonymous(8192);
  const channel = Channel.over(region);
  channel.trySend(bytes("x"));
  region.close();
  assertThrows(() => channel.trySend(bytes("x")), Deno.errors.BadResource);
  channel.close();
});

Deno.test("Channel follows its region when that is resized", () =>
  withMovable(8192, (region) => {
    using channel = Channel.over(region);
    channel.trySend(bytes("before"));
    region.resize(1 << 20);
    channel.trySend(bytes("after"));
    assertEquals(textOf(channel.tryReceive()), "before");
    assertEquals(textOf(channel.tryReceive()), "after");
  }));

Deno.test("Channel.receive() takes a peer that leaves while it is looked at for no damage", async () => {
  using pair = openPair();
  const { sender, receiver } = pair;
  sender.sendSync(bytes("x"));
  receiver.receiveSync();
  const cells = sender.region.view(Int32Array);
  const number = cells[ENDPOINTS]!;
  const { load } = Atomics;
  let looks = 0;
  Atomics.load = ((from: Int32Array, at: number) => {
    const value = load(from, at);
    if (
      at === ENDPOINTS && from.buffer.byteLength === cells.buffer.byteLength && value === number
    ) {
      looks++;
      Atomics.store(from, at, 0); // as if it left now
    }
    return value;
  }) as typeof Atomics.load;
  try {
    await assertRejects(() => receiver.receive({ timeoutMs: 100 }), Deno.errors.TimedOut);
  } finally {
    Atomics.load = load;
    cells[ENDPOINTS] = number;
  }
  assertEquals(looks, 1);
});
