/** What the members `stats()` of the kinds of channels tell; a `Channel`'s are in `queue/channel_test.ts`. */

import { assertEquals, assertThrows } from "@std/assert";
import { Broadcast, connect, Latest, serve } from "@mmap/mmap/channel";
import { MmapRegion } from "@mmap/mmap";
import { OLDEST } from "../../src/channel/broadcast/broadcast_layout.ts";

const { BadResource, InvalidData } = Deno.errors;

Deno.test("Broadcast.stats() says what was published and is kept, and who is the writer", () => {
  const feed = Broadcast.create({ capacity: 4096 });
  using other = Broadcast.attach(feed.handle());
  const nothing = { publishedByteLength: 0, keptByteLength: 0, published: 0, kept: 0 };
  assertEquals(other.stats(), { ...nothing, writer: null });
  feed.publish(new Uint8Array(8));
  feed.publish(new Uint8Array(9));
  const two = { publishedByteLength: 40, keptByteLength: 40, published: 2, kept: 2 };
  assertEquals(other.stats(), { ...two, writer: Deno.pid });
  for (let i = 0; i < 1000; i++) feed.publish(new Uint8Array(8));
  using late = other.subscribe({ from: "oldest" });
  let kept = 0;
  while (late.tryReceive() !== null) kept++;
  const { published, kept: told, keptByteLength } = other.stats();
  assertEquals([published, told, keptByteLength], [1002, kept, 16 * kept]);
  feed.close();
  assertEquals(other.stats().writer, null);
  assertThrows(() => feed.stats(), BadResource);
});

Deno.test("Broadcast.stats() throws InvalidData if the positions contradict each other", () => {
  using feed = Broadcast.create({ capacity: 4096 });
  feed.publish(new Uint8Array(8));
  using region = MmapRegion.attach(feed.handle());
  region.view(Int32Array)[OLDEST] = 1000;
  assertThrows(() => feed.stats(), InvalidData, "damaged");
});

Deno.test("Latest.stats() says how often the value was written, and how long it is", () => {
  const latest = Latest.create({ byteLength: 100 });
  latest.write(new Uint8Array(100));
  latest.write(new Uint8Array(100));
  assertEquals(latest.stats(), {
    version: 2,
    byteLength: 100,
    memoryByteLength: latest.region.byteLength,
  });
  latest.close();
  assertThrows(() => latest.stats(), BadResource);
});

Deno.test("Server.stats() and Client.stats() count the calls, open, waiting and answered", async () => {
  const open: PromiseWithResolvers<void>[] = [];
  await using server = serve({ concurrency: 2 }, async (request) => {
    if (request.length === 0) throw new RangeError("none");
    const held = Promise.withResolvers<void>();
    open.push(held);
    begun[open.length - 1]?.resolve();
    await held.promise;
    return request;
  });
  const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  assertEquals(server.stats(), { clients: 0, calls: 0, answered: 0 });
  const client = connect(server.handle());
  await client.call(new Uint8Array()).catch(() => {});
  const calls = [1, 2, 3].map((length) => client.call(new Uint8Array(length)));
  await Promise.all(begun.map(({ promise }) => promise));
  assertEquals(client.stats(), { calls: 2, waiting: 1, answered: 1 });
  assertEquals(server.stats(), { clients: 1, calls: 2, answered: 1 });
  begun.push(Promise.withResolvers<void>());
  open[0]!.resolve();
  await begun[2]!.promise;
  for (const held of open) held.resolve();
  await Promise.all(calls);
  assertEquals(client.stats(), { calls: 0, waiting: 0, answered: 4 });
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  assertEquals(server.stats(), { clients: 0, calls: 0, answered: 4 });
});
