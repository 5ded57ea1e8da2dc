/** Channels of records. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Channel } from "@mmap/mmap/channel";
import { chars, f64, i32, packed, struct, u64 } from "@mmap/mmap/struct";
import { peer } from "../_channels.ts";

const Tick = struct({ symbol: chars(6), size: i32, price: f64, serial: u64 });

Deno.test("Channel.of() passes records on, copied or in place", async () => {
  using sender = Channel.of(Tick).create({ capacity: 4096 });
  using receiver = Channel.of(Tick).attach(sender.handle());
  assertEquals(receiver.tryReceive(), null);
  assertEquals(receiver.peek(), null);
  assertEquals(sender.trySend({ symbol: "ABC", serial: 2n ** 60n }), true);
  sender.sendSync({ price: 1.5 });
  await Promise.all([sender.send({ size: 1 }), sender.send({ size: 2 })]);
  {
    using slot = sender.reserve()!;
    slot.record.size = 3;
    slot.commit();
  }
  {
    using given = sender.reserve()!;
    given.record.size = 4; // and given up
  }
  sender.closeSending();
  const first = receiver.receiveSync()!;
  assertEquals(first.get(), { symbol: "ABC", size: 0, price: 0, serial: 2n ** 60n });
  {
    using message = receiver.peek()!;
    assertEquals(message.record.get(), { symbol: "", size: 0, price: 1.5, serial: 0n });
  }
  {
    using message = (await receiver.receiveInPlace())!;
    assertEquals(message.record.size, 1);
  }
  const sizes = [];
  for await (const record of receiver) sizes.push(record.size);
  assertEquals(sizes, [2, 3]);
  assertEquals([await receiver.receive(), await receiver.receiveInPlace()], [null, null]);
  assertEquals(first.symbol, "ABC");
});

Deno.test("Channel.of() passes records to another process", async () => {
  using channel = Channel.of(Tick).create({ capacity: 4096 });
  await using child = peer(
    channel.channel,
    ["sendRecords"],
  );
  let count = 0;
  for await (const tick of channel) {
    assertEquals(tick.get(), { symbol: `T${count}`, size: count, price: 0, serial: BigInt(count) });
    count++;
  }
  assertEquals(count, 1000);
  assertEquals((await child.ended()).code, 0);
});

Deno.test("Channel.of() throws InvalidData for a channel of another layout", () => {
  const Other = packed({ symbol: chars(6), size: i32, price: f64, serial: u64 });
  using ticks = Channel.of(Tick).create({ capacity: 4096 });
  using any = Channel.create({ capacity: 4096 });
  const { InvalidData } = Deno.errors;
  assertThrows(() => Channel.of(Other).attach(ticks.handle()), InvalidData, "another layout");
  assertThrows(() => Channel.of(Tick).attach(any.handle()), InvalidData, "no layout");
  Channel.attach(ticks.handle()).close(); // bytes are bytes
});

Deno.test("Channel.of() joins a channel of its layout by path, and no other", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.remove(path);
    using ticks = Channel.of(Tick).create({ capacity: 4096, path });
    using same = Channel.of(Tick).create({ capacity: 4096, path });
    ticks.sendSync({ size: 5 });
    assertEquals(same.receiveSync()!.size, 5);
    const { AlreadyExists } = Deno.errors;
    assertThrows(() => Channel.create({ capacity: 4096, path }), AlreadyExists, "another layout");
    const Other = struct({ size: i32 });
    assertThrows(() => Channel.of(Other).create({ capacity: 4096, path }), AlreadyExists);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("StructChannel throws InvalidData for a message of another length, and goes on", () => {
  using ticks = Channel.of(Tick).create({ capacity: 4096 });
  using bytes = Channel.attach(ticks.handle());
  const { InvalidData } = Deno.errors;
  bytes.sendSync(new Uint8Array(3));
  bytes.sendSync(new Uint8Array(99));
  bytes.sendSync(new Uint8Array(Tick.byteLength));
  assertThrows(() => ticks.receiveSync(), InvalidData, "the message has 3");
  assertThrows(() => ticks.peek(), InvalidData, "the message has 99");
  assertEquals(ticks.tryReceive()!.size, 0);
});

Deno.test("Channel.of() throws TypeError for what is no struct, and for wrong values", async () => {
  for (const type of [undefined, null, {}, i32, "Tick"]) {
    assertThrows(() => Channel.of(type as unknown as typeof Tick), TypeError, "a struct");
  }
  using ticks = Channel.of(Tick).create({ capacity: 4096 });
  assertThrows(() => ticks.trySend({ symbol: "longer than 6" }), RangeError);
  await assertRejects(() => ticks.send({ serial: 5 as unknown as bigint }), TypeError);
  assertEquals(ticks.tryReceive(), null);
});

Deno.test("StructChannel throws BadResource after close", () => {
  const ticks = Channel.of(Tick).create({ capacity: 4096 });
  const slot = ticks.reserve()!;
  ticks.close();
  ticks.close();
  assertThrows(() => slot.record.size, TypeError);
  assertThrows(() => ticks.trySend({ size: 1 }), Deno.errors.BadResource);
  assertThrows(() => ticks.tryReceive(), Deno.errors.BadResource);
  assertThrows(() => ticks.handle(), Deno.errors.BadResource);
  assertThrows(() => ticks.env(), Deno.errors.BadResource);
});
