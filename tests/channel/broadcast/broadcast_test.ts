/** One writer and many readers, in one process. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Broadcast, type Subscription } from "@mmap/mmap/channel";
import { bytes, textOf } from "../_channels.ts";
import { drain, messageOf, numberOf, publishNumbers } from "./_broadcasts.ts";

Deno.test("Broadcast passes messages of all lengths unchanged, in order, to every reader", async () => {
  for (const pooled of [false, true]) {
    using feed = Broadcast.create({ capacity: 65536, pooled });
    using other = Broadcast.attach(feed.handle(), { pooled });
    using first = feed.subscribe();
    using second = other.subscribe();
    const lengths = [0, 1, 7, 8, 9, 24, 25, 255, 256, 257, 1024, 1025, feed.maxByteLength, 3];
    for (const byteLength of lengths) {
      const message = crypto.getRandomValues(new Uint8Array(byteLength));
      feed.publish(message);
      assertEquals(first.tryReceive(), message);
      assertEquals(byteLength % 2 ? second.receiveSync() : await second.receive(), message);
    }
    assertEquals([first.tryReceive(), second.tryReceive()], [null, null]);
    assertEquals([first.lost, second.lost], [0, 0]);
  }
});

Deno.test("Subscription.lost counts exactly what a lapped reader missed, and it goes on with the oldest", () => {
  using feed = Broadcast.create({ capacity: 4096 });
  using slow = feed.subscribe();
  const received = { count: 0 };
  let published = 0;
  for (const burst of [3, 5, 40, 1, 1000, 12, 77, 0, 2]) {
    publishNumbers(feed, published, published += burst);
    drain(slow, received);
    assertEquals(slow.lost + received.count, published);
  }
  assert(slow.lost > 1000 && received.count > 25, `lost ${slow.lost} of ${published}`);
});

Deno.test("Broadcast keeps three quarters of its capacity", () => {
  using feed = Broadcast.create({ capacity: 65536 });
  using slow = feed.subscribe();
  for (let i = 0; i < 10_000; i++) {
    feed.publish(new Uint8Array(56)); // 64 bytes with its record
    if (i < 2000) continue;
    using late = feed.subscribe({ from: "oldest" });
    if (i % 100 === 0) {
      let kept = 0;
      while (late.tryReceive() !== null) kept++;
      assert(kept >= 768 && kept <= 1024, `${kept} kept`);
    }
  }
  assert(slow.tryReceive() !== null);
});

Deno.test("Broadcast.subscribe() begins with the next message, or with the oldest that is kept", () => {
  using feed = Broadcast.create({ capacity: 4096 });
  using first = feed.subscribe({ from: "oldest" });
  feed.publish(bytes("a"));
  feed.publish(bytes("b"));
  using newest = feed.subscribe();
  using alsoNewest = feed.subscribe({ from: "newest" });
  using oldest = feed.subscribe({ from: "oldest" });
  assertEquals([newest.tryReceive(), alsoNewest.tryReceive()], [null, null]);
  feed.publish(bytes("c"));
  const all = (subscription: Subscription) => {
    const texts: (string | null)[] = [];
    for (let m = subscription.tryReceive(); m !== null; m = subscription.tryReceive()) {
      texts.push(textOf(m));
    }
    return texts;
  };
  assertEquals([first, newest, alsoNewest, oldest].map(all), [
    ["a", "b", "c"],
    ["c"],
    ["c"],
    ["a", "b", "c"],
  ]);
});

Deno.test("Subscription.lost counts from the moment of joining", () => {
  using feed = Broadcast.create({ capacity: 4096 });
  publishNumbers(feed, 0, 500);
  using newest = feed.subscribe();
  using oldest = feed.subscribe({ from: "oldest" });
  assertEquals([newest.lost, oldest.lost], [0, 0]);
  publishNumbers(feed, 500, 600);
  const next = numberOf(newest.tryReceive()!);
  assertEquals(newest.lost, next - 500);
  assertEquals(numberOf(oldest.tryReceive()!), next);
  assert(oldest.lost > newest.lost);
});

Deno.test("Broadcast has 64 readers, each at its own pace", () => {
  using feed = Broadcast.create({ capacity: 16384 });
  const readers = Array.from({ length: 64 }, () => ({
    subscription: feed.subscribe(),
    received: { count: 0 },
  }));
  for (let number = 0; number < 3000; number++) {
    feed.publish(messageOf(number));
    readers.forEach(({ subscription, received }, i) => {
      if (number % (i + 1) === 0) drain(subscription, received);
    });
  }
  for (const { subscription, received } of readers) {
    drain(subscription, received);
    assertEquals(subscription.lost + received.count, 3000);
  }
  assertEquals(readers[0]!.subscription.lost, 0);
  assert(readers[63]!.subscription.lost > 0);
});

Deno.test("Subscription.receive() waits for messages, in the order of the calls", async () => {
  using feed = Broadcast.create({ capacity: 4096 });
  using subscription = feed.subscribe();
  const calls = [subscription.receive(), subscription.receive(), subscription.receive()];
  assertEquals(subscription.tryReceive(), null);
  for (const text of ["a", "b", "c"]) feed.publish(bytes(text));
  assertEquals((await Promise.all(calls)).map(textOf), ["a", "b", "c"]);
});

Deno.test("Subscription.receive() ends when the time is up or its signal is aborted", async () => {
  for (const wait of ["adaptive", "block", "spin"] as const) {
    using feed = Broadcast.create({ capacity: 4096, wait });
    using subscription = feed.subscribe();
    const { TimedOut } = Deno.errors;
    await assertRejects(() => subscription.receive({ timeoutMs: 10 }), TimedOut);
    assertThrows(() => subscription.receiveSync({ timeoutMs: 10 }), TimedOut);
    const controller = new AbortController();
    const aborted = subscription.receive({ signal: controller.signal });
    controller.abort(new SyntaxError("enough"));
    await assertRejects(() => aborted, SyntaxError, "enough");
    feed.publish(bytes("next"));
    assertEquals(textOf(await subscription.receive()), "next");
  }
});

Deno.test("Subscription.receive() lets the event loop run while messages keep coming", async () => {
  using feed = Broadcast.create({ capacity: 4096 });
  using subscription = feed.subscribe();
  let isOver = false;
  const timer = setTimeout(() => isOver = true, 20);
  while (!isOver) {
    feed.publish(bytes("more"));
    await subscription.receive();
  }
  clearTimeout(timer);
});

Deno.test("Broadcast throws TypeError and RangeError for bad arguments, and publishes nothing", () => {
  for (const capacity of [0, -1, 1.5, NaN, 2 ** 30 + 1]) {
    assertThrows(() => Broadcast.create({ capacity }), RangeError, "capacity");
  }
  assertThrows(() => Broadcast.create({ capacity: "4096" as unknown as number }), TypeError);
  assertThrows(() => Broadcast.create({ capacity: 4096, wait: "ever" as "spin" }), TypeError);
  using feed = Broadcast.create({ capacity: 1 });
  assertEquals([feed.capacity, feed.maxByteLength], [4096, 2040]);
  using subscription = feed.subscribe();
  assertThrows(() => feed.publish(new Uint8Array(2041)), RangeError, "at most 2040");
  assertThrows(() => feed.publish("text" as unknown as Uint8Array), TypeError);
  assertThrows(() => feed.publish([1] as unknown as Uint8Array), TypeError);
  assertThrows(() => feed.subscribe({ from: "middle" as "newest" }), TypeError, "middle");
  const text = { timeoutMs: "1" as unknown as number };
  assertThrows(() => subscription.receiveSync(text), TypeError, "timeoutMs");
  assertThrows(() => subscription.receiveSync({ timeoutMs: -1 }), RangeError, "timeoutMs");
  assertEquals(subscription.tryReceive(), null);
});

Deno.test("Broadcast throws BadResource after close, and rejects waits", async () => {
  const feed = Broadcast.create({ capacity: 4096 });
  const subscription = feed.subscribe();
  const waiting = subscription.receive();
  feed.close();
  feed.close();
  await assertRejects(() => waiting, Deno.errors.BadResource);
  assertEquals(feed.closed, true);
  for (
    const call of [
      () => feed.publish(bytes("x")),
      () => feed.subscribe(),
      () => feed.handle(),
      () => feed.env(),
      () => subscription.tryReceive(),
      () => subscription.receiveSync(),
    ]
  ) assertThrows(call, Deno.errors.BadResource);
  await assertRejects(() => subscription.receive(), Deno.errors.BadResource);
});

Deno.test("Subscription[Symbol.dispose]() ends it alone, and rejects its waits", async () => {
  using feed = Broadcast.create({ capacity: 4096 });
  const subscription = feed.subscribe();
  using other = feed.subscribe();
  const waiting = subscription.receive();
  const going = other.receive();
  subscription[Symbol.dispose]();
  subscription[Symbol.dispose]();
  await assertRejects(() => waiting, Deno.errors.BadResource, "subscription is closed");
  feed.publish(bytes("on"));
  assertEquals(textOf(await going), "on");
});

Deno.test("Broadcast throws BadResource if its region was closed, and closes silently", () => {
  const feed = Broadcast.create({ capacity: 4096 });
  const subscription = feed.subscribe();
  feed.publish(bytes("x"));
  feed.region.close();
  assertThrows(() => feed.publish(bytes("y")), Deno.errors.BadResource);
  assertThrows(() => subscription.tryReceive(), Deno.errors.BadResource);
  assertThrows(() => feed.subscribe(), Deno.errors.BadResource);
  feed.close();
});
