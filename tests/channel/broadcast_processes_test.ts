/** Broadcasts under stress, between real processes. MMAP_KILLS=60 makes it many. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Broadcast } from "@mmap/mmap/channel";
import { drain, feedPeer, messageOf, numberOf, publishNumbers } from "./_broadcasts.ts";

const KILLS = Number(Deno.env.get("MMAP_KILLS") ?? 12);

/** Takes messages to the end, and tells how many it received and lost. */
const READER = `
  const subscription = feed.subscribe({ from: Deno.args[0] });
  say("subscribed");
  let received = 0;
  let first, last;
  for (let m = subscription.receiveSync(); m !== null;) {
    const number = numberOf(m);
    first ??= number - subscription.lost;
    if (number !== first + subscription.lost + received) throw new Error("the counts are wrong");
    received++;
    last = number;
    m = received % 2 ? await subscription.receive() : subscription.receiveSync();
  }
  say(JSON.stringify({ first, last, received, lost: subscription.lost }));
`;

Deno.test("Broadcast gives several processes whole messages in order, and counts what they lose", async () => {
  using feed = Broadcast.create({ capacity: 16384 });
  const readers = ["newest", "oldest", "newest", "newest"].map((from) =>
    feedPeer(feed, READER, { args: [from] })
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
  const code = `
    const subscriptions = Array.from({ length: 16 }, () => feed.subscribe());
    const counts = subscriptions.map(async (subscription) => {
      let count = 0;
      for await (const message of subscription) {
        if (numberOf(message) !== count++) throw new Error("not in order");
      }
      return count;
    });
    say("subscribed");
    say(JSON.stringify(await Promise.all(counts)));
  `;
  const readers = Array.from({ length: 4 }, () => feedPeer(feed, code));
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
  await using child = feedPeer(feed, READER, { args: ["newest"] });
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
    await using child = feedPeer(feed, READER, { args: ["newest"] });
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

/** Goes on where the writer before it was, as fast as it can. */
const WRITER = `
  const recent = feed.subscribe({ from: "oldest" });
  let next = 0;
  for (let m = recent.tryReceive(); m !== null; m = recent.tryReceive()) next = numberOf(m) + 1;
  // The first is a writer before it is killed: nobody misses one who never was.
  if (next === 0) feed.publish(messageOf(next++));
  say("up");
  for (;; next++) {
    feed.publish(messageOf(next));
    if (next % 100 === 0) await 0;
  }
`;

Deno.test("Broadcast loses, doubles and tears nothing when writers are killed", async () => {
  using feed = Broadcast.create({ capacity: 16384 });
  using reader = feed.subscribe();
  const received = { count: 0 };
  for (let round = 0; round < KILLS; round++) {
    await using writer = feedPeer(feed, WRITER);
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
