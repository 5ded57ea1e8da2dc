/** Streams, iteration and values. */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Channel } from "@mmap/mmap/channel";
import { pattern } from "../../_files.ts";
import { bytes, fill, numbered, numberOf, openPair, textOf } from "../_channels.ts";

Deno.test("Channel can be iterated over to its end", async () => {
  using pair = openPair();
  const sending = pair.sender.sendMany(Array.from({ length: 1000 }, (_, i) => numbered(i)))
    .then(() => pair.sender.closeSending());
  let expected = 0;
  for await (const message of pair.receiver) assertEquals(numberOf(message), expected++);
  assertEquals(expected, 1000);
  await sending;
});

Deno.test("Channel.readable and writable pipe more than the channel holds", async () => {
  using pair = openPair();
  const content = pattern(100_000);
  const sending = new Response(content).body!.pipeTo(pair.sender.writable);
  const received = await new Response(pair.receiver.readable).bytes();
  await sending;
  assertEquals(received, content);
  assert(pair.receiver.ended);
});

Deno.test("Channel.writable splits chunks that are too long, and keeps the others whole", async () => {
  using pair = openPair({ capacity: 16384 });
  const writer = pair.sender.writable.getWriter();
  const { maxByteLength } = pair.sender;
  await writer.write(new Uint8Array(7));
  await writer.write(new Uint8Array(maxByteLength + 5));
  await writer.close();
  const lengths: number[] = [];
  for await (const { length } of pair.receiver) lengths.push(length);
  assertEquals(lengths, [7, maxByteLength, 5]);
});

Deno.test("Channel.writable ends the channel when it is aborted", async () => {
  using pair = openPair();
  await pair.sender.writable.abort();
  assertEquals(await pair.receiver.receive(), null);
});

Deno.test("Channel.readable takes nothing before it is read, nor after it is cancelled", async () => {
  using pair = openPair();
  pair.sender.sendSync(bytes("1"));
  const reader = pair.receiver.readable.getReader();
  assertEquals(textOf((await reader.read()).value!), "1");
  const pending = reader.read();
  await reader.cancel();
  assertEquals((await pending).done, true);
  pair.sender.sendSync(bytes("2"));
  assertEquals(textOf(await pair.receiver.receive()), "2");
});

Deno.test("Channel can be iterated over again after a break, and read by hand meanwhile", async () => {
  using pair = openPair();
  const { sender, receiver } = pair;
  await sender.sendMany(["a", "b", "c", "d"].map(bytes));
  sender.closeSending();
  for await (const message of receiver) {
    assertEquals(textOf(message), "a");
    break;
  }
  assertEquals(textOf(receiver.tryReceive()), "b");
  const rest: (string | null)[] = [];
  for await (const message of receiver) rest.push(textOf(message));
  assertEquals(rest, ["c", "d"]);
  for await (const _ of receiver) throw new Error("There is no more");
});

Deno.test("Channel.readable of two consumers shares the messages", async () => {
  using channel = Channel.create({ capacity: 4096, consumers: "multiple" });
  using other = Channel.attach(channel.handle());
  const received: (string | null)[] = [];
  const reading = [channel, other].map(async ({ readable }) => {
    for await (const message of readable) received.push(textOf(message));
  });
  const sent = Array.from({ length: 100 }, (_, i) => `${i}`);
  await channel.sendMany(sent.map(bytes));
  channel.closeSending();
  await Promise.all(reading);
  assertEquals(received.sort(), sent.sort());
});

Deno.test("Channel.readable can be cancelled while it waits, and the channel is read on", async () => {
  using pair = openPair();
  const { sender, receiver } = pair;
  const reader = receiver.readable.getReader();
  const reading = reader.read();
  await reader.cancel("enough");
  assertEquals((await reading).done, true);
  sender.sendSync(bytes("for others"));
  assertEquals(textOf(await receiver.receive()), "for others");
});

Deno.test("Channel.writable.abort() ends a write that waits for room", async () => {
  using pair = openPair();
  const { sender, receiver } = pair;
  const count = fill(sender);
  const writer = sender.writable.getWriter();
  const writing = writer.write(new Uint8Array(1000));
  const failed = assertRejects(() => writing, Error, "enough");
  await writer.abort(new Error("enough"));
  await failed;
  for (let i = 0; i < count; i++) await receiver.receive();
  assertEquals(await receiver.receive(), null);
});

Deno.test("Channel.readable and writable are the same objects at each call", () => {
  using channel = Channel.create({ capacity: 4096 });
  assertStrictEquals(channel.readable, channel.readable);
  assertStrictEquals(channel.writable, channel.writable);
});

const VALUES: readonly unknown[] = [
  undefined,
  null,
  1.5,
  -0,
  2n ** 70n,
  "text \u{1f600}",
  new Date(5),
  new Map<unknown, unknown>([["a", new Set([1, 2])]]),
  { deep: [{ bytes: new Uint8Array([1, 2, 3]) }] },
  /x+/gi,
];

Deno.test("Channel.values() passes what structuredClone takes", async () => {
  using pair = openPair();
  const sender = pair.sender.values<unknown>();
  const receiver = pair.receiver.values<unknown>();
  for (const value of VALUES) {
    await sender.send(value);
    assertEquals(await receiver.receive(), value);
  }
});

Deno.test("Channel.values() passes JSON that others can read", async () => {
  using pair = openPair();
  const value = { a: [1, "ä", null, true] };
  await pair.sender.values<typeof value>({ encoding: "json" }).send(value);
  assertEquals(textOf(pair.receiver.tryReceive()), JSON.stringify(value));
  pair.sender.sendSync(bytes(JSON.stringify(value)));
  assertEquals(await pair.receiver.values({ encoding: "json" }).receive(), value);
});

Deno.test("Channel.values() can be iterated over, undefined included", async () => {
  using pair = openPair();
  const sender = pair.sender.values<number | undefined>();
  for (const value of [1, undefined, 3]) await sender.send(value);
  pair.sender.closeSending();
  const received: unknown[] = [];
  const values = pair.receiver.values<number | undefined>();
  for await (const value of values) received.push(value);
  assertEquals(received, [1, undefined, 3]);
  assertEquals(await values.receive(), undefined);
});

Deno.test("Channel.values() throws TypeError for what cannot be encoded", async () => {
  using channel = Channel.create({ capacity: 4096 });
  await assertRejects(() => channel.values().send(() => 1), TypeError, "cannot be cloned");
  await assertRejects(() => channel.values({ encoding: "json" }).send(undefined), TypeError);
  await assertRejects(() => channel.values({ encoding: "json" }).send(1n), TypeError);
  assertThrows(() => channel.values({ encoding: "xml" as "json" }), TypeError, '"clone" or "json"');
  assertEquals(channel.tryReceive(), null);
});

Deno.test("Channel.values() throws InvalidData for a message that is no value", async () => {
  for (const encoding of ["clone", "json"] as const) {
    using pair = openPair();
    pair.sender.sendSync(new Uint8Array([0xff, 1, 2]));
    const values = pair.receiver.values({ encoding });
    await assertRejects(
      () => values.receive(),
      Deno.errors.InvalidData,
      "not a value in this encoding",
    );
  }
});
