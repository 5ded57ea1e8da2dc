/** Broadcasts under stress, between real processes. MMAP_KILLS=60 makes it many. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Broadcast } from "@mmap/mmap/channel";
import { drain, feedPeer, messageOf, numberOf, publishNumbers } from "./_broadcasts.ts";

const KILLS = Number(Deno.env.get("MMAP_KILLS") ?? 12);

Deno.test("Broadcast gives several processes whole messages in order, and counts what they lose", async () => {
  using feed = Broadcast.create({ capacity: 16384 });
  const readers = ["newest", "oldest", "newest", "newest"].map((from) =>
    feedPeer(feed, "read", from)
  );
  for (const reader of readers) assertEquals(await reader.readLine(), "subscribed");
  const published = 50_000;
  for (let number = 0; number < published; number++) {
    feed.publish(messageOf(number));
    if (number % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  using end = Broadcast.attach(feed.handle()); // keeps the memory until all have read it
  feed.close();
  for (const reader of readers) {
    const { first, last, received, lost } = JSON.parse(await reader.readLine());
    assertEquals([first, last, received + lost], [0, published - 1, published]);
    assertEquals((await reader.ended()).code, 0);
  }
  assertEquals(end.closed, false);
});

Deno.test("Broadcast has 64 readers that wait in four processes", async () => {
  using feed = Broadcast.create({ capacity: 65536 });
  const readers = Array.from({ length: 4 }, () => feedPeer(feed, "readTogether"));
  for (const reader of readers) assertEquals(await reader.readLine(), "subscribed");
  for (let number = 0; number < 50; number++) {
    feed.publish(messageOf(number));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  using end = Broadcast.attach(feed.handle());
  feed.close();
  for (const reader of readers) {
    assertEquals(JSON.parse(await reader.readLine()), Array(16).fill(50));
    assertEquals((await reader.ended()).code, 0);
  }
  assertEquals(end.closed, false);
});

Deno.test("Broadcast.publish() does not wait for a stopped reader, which then goes on", async () => {
  using feed = Broadcast.create({ capacity: 4096 });
  await using child = feedPeer(feed, "read", "newest");
  assertEquals(await child.readLine(), "subscribed");
  publishNumbers(feed, 0, 5);
  child.kill("SIGSTOP");
  publishNumbers(feed, 5, 20_000);
  child.kill("SIGCONT");
  publishNumbers(feed, 20_000, 20_010);
  using end = Broadcast.attach(feed.handle());
  feed.close();
  const { first, last, received, lost } = JSON.parse(await child.readLine());
  assertEquals([first, last, received + lost], [0, 20_009, 20_010]);
  assert(lost > 19_000, `lost ${lost}`);
  assertEquals(end.closed, false);
});

Deno.test("Broadcast is not disturbed by readers that are killed", async () => {
  using feed = Broadcast.create({ capacity: 4096 });
  using witness = feed.subscribe();
  const received = { count: 0 };
  let published = 0;
  for (let round = 0; round < 4; round++) {
    await using child = feedPeer(feed, "read", "newest");
    assertEquals(await child.readLine(), "subscribed");
    const end = published + 200 + Math.random() * 2000;
    while (published < end) {
      publishNumbers(feed, published, ++published);
      drain(witness, received);
    }
    child.kill();
    await child.ended();
    publishNumbers(feed, published, ++published);
    drain(witness, received);
  }
  assertEquals([witness.lost, received.count], [0, published]);
});

Deno.test("Broadcast loses, doubles and tears nothing when writers are killed", async () => {
  using feed = Broadcast.create({ capacity: 16384 });
  using reader = feed.subscribe();
  const received = { count: 0 };
  for (let round = 0; round < KILLS; round++) {
    await using writer = feedPeer(feed, "write");
    assertEquals(await writer.readLine(), "up");
    const moment = performance.now() + Math.random() * 15;
    while (performance.now() < moment) drain(reader, received, 100);
    writer.kill();
    await writer.ended();
    drain(reader, received);
    // If it was killed before it published, the writer before it is still the dead one.
    assertThrows(() => reader.receiveSync({ timeoutMs: 20_000 }), Deno.errors.ConnectionReset);
  }
  assert(received.count > 0);
  const next = reader.lost + received.count;
  publishNumbers(feed, next, next + 3);
  for (let i = 0; i < 3; i++) assertEquals(numberOf(reader.receiveSync()!), next + i);
  // What it lost was lost, and nothing else: a late reader finds the same end.
  using late = feed.subscribe({ from: "oldest" });
  let last = -1;
  for (let m = late.tryReceive(); m !== null; m = late.tryReceive()) last = numberOf(m);
  assertEquals(last, next + 2);
});
