/** Peers that are killed at random moments: 500 in all, or MMAP_KILLS of them. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Channel, type Sharers } from "@mmap/mmap/channel";
import { Child } from "../_child.ts";
import { numbered, peer } from "./_channels.ts";

const ALL_KILLS = Number(Deno.env.get("MMAP_KILLS") ?? 500);

/** In each test with one process at a time, and with three, which takes less time for each. */
const KILLS = { single: Math.ceil(ALL_KILLS * 0.16), multiple: Math.ceil(ALL_KILLS * 0.3) };

/** Of both sides of a file. */
const FILE_KILLS = Math.ceil(ALL_KILLS * 0.08);

/** Sends as fast as it can: its number, how many it sent before, and a pattern. */
const PRODUCER = `
  const id = Number(Deno.args[0]);
  say("up");
  for (let i = 0;; i++) {
    const byteLength = 16 + (i * 53) % 700;
    if (i % 4 === 0) {
      const slot = channel.reserve(byteLength);
      if (slot === null) { i--; await 0; continue; }
      const message = new Uint8Array(byteLength).fill(i);
      new Float64Array(message.buffer, 0, 2).set([id, i]);
      slot.bytes.set(message);
      slot.commit();
      continue;
    }
    const message = new Uint8Array(byteLength).fill(i);
    new Float64Array(message.buffer, 0, 2).set([id, i]);
    if (i % 4 === 1) await channel.send(message);
    else channel.sendSync(message);
  }
`;

/** Waits a random moment, so that the kill comes at any place of the loop. */
function randomMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * 15));
}

function checkMessage(message: Uint8Array<ArrayBuffer>, counts: Map<number, number>): void {
  const [id, i] = new Float64Array(message.buffer, 0, 2) as unknown as [number, number];
  assertEquals(i, counts.get(id) ?? 0, `the next message of producer ${id}`);
  counts.set(id, i + 1);
  assertEquals(message.length, 16 + (i * 53) % 700);
  assert(message.subarray(16).every((byte) => byte === (i & 0xff)), "torn message");
}

for (const [producers, together] of [["single", 1], ["multiple", 3]] as [Sharers, number][]) {
  Deno.test(`Channel loses and tears nothing when producers are killed (${producers})`, async () => {
    using channel = Channel.create({ capacity: 8192, producers });
    const counts = new Map<number, number>();
    const receiveFrom = async (id: number) => {
      await using child = peer(channel, PRODUCER, { args: [`${id}`] });
      assertEquals(await child.readLine(), "up");
      await randomMoment();
      child.kill();
      await child.ended();
    };
    const killing = (async () => {
      for (let id = 0; id < KILLS[producers]; id += together) {
        await Promise.all(Array.from({ length: together }, (_, i) => receiveFrom(id + i)));
      }
    })();
    let isOver = false;
    killing.finally(() => isOver = true).catch(() => {});
    while (!isOver) {
      try {
        for (const message of await channel.receiveMany(100, { timeoutMs: 100 })) {
          checkMessage(message, counts);
        }
      } catch (error) {
        const { ConnectionReset, TimedOut } = Deno.errors;
        if (!(error instanceof ConnectionReset || error instanceof TimedOut)) throw error;
        // Between two producers: let the next one come.
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
    await killing;
    for (let m = channel.tryReceive(); m !== null; m = channel.tryReceive()) {
      checkMessage(m, counts);
    }
    assert(counts.size > 0);
    // Whoever comes now finds a channel in order.
    using next = Channel.attach(channel.handle());
    next.sendSync(numbered(1));
    assertEquals(channel.receiveSync(), numbered(1));
  });
}

/** Marks each message in place before it releases it. */
const CONSUMER = `
  import { MmapRegion } from "@mmap/mmap";
  const marks = MmapRegion.fromEnv().view(Int32Array);
  say("up");
  while (true) {
    const message = channel.peek();
    if (message === null) { await 0; continue; }
    Atomics.add(marks, new Int32Array(message.bytes.slice().buffer)[0], 1);
    message[Symbol.dispose]();
  }
`;

for (const [consumers, together] of [["single", 1], ["multiple", 3]] as [Sharers, number][]) {
  Deno.test(`Channel delivers each message at least once when consumers are killed (${consumers})`, async () => {
    using region = MmapRegion.anonymous(4 << 20);
    using channel = Channel.create({ capacity: 4096, consumers });
    const marks = region.view(Int32Array);
    let sent = 0;
    let isOver = false;
    const sending = (async () => {
      while (!isOver && sent < marks.length) {
        if (channel.trySend(new Uint8Array(new Int32Array([sent]).buffer))) sent++;
        else await new Promise((resolve) => setTimeout(resolve, 0));
      }
    })();
    const receive = async () => {
      await using child = peer(channel, CONSUMER, { env: region.env() });
      assertEquals(await child.readLine(), "up");
      await randomMoment();
      child.kill();
      await child.ended();
    };
    for (let killed = 0; killed < KILLS[consumers]; killed += together) {
      await Promise.all(Array.from({ length: together }, receive));
    }
    isOver = true;
    await sending;
    channel.closeSending();
    using last = Channel.attach(channel.handle());
    for await (const message of last) marks[new Int32Array(message.buffer)[0]!]! += 1;
    let again = 0;
    for (let i = 0; i < sent; i++) {
      assert(marks[i]! >= 1, `message ${i} of ${sent} is lost`);
      again += marks[i]! - 1;
    }
    assert(again <= KILLS[consumers] + together, `${again} came again`);
    assertEquals(marks[sent] ?? 0, 0);
  });
}

/** Both sides of a channel in a file: what was sent last, and how often each message came. */
const FILE_SIDES = {
  producer: `
    for (let i = Atomics.load(marks, 0);; i++) {
      try {
        channel.sendSync(new Uint8Array(new Int32Array([i]).buffer));
      } catch (error) {
        // The last consumer is dead and the next one has not come yet.
        if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
        i--;
        continue;
      }
      Atomics.store(marks, 0, i + 1);
      if (i === marks.length - 2) await new Promise((resolve) => setTimeout(resolve, 1e6));
    }`,
  consumer: `
    for (let last = -1;;) {
      using message = channel.peek();
      if (message === null) { await 0; continue; }
      const [i] = new Int32Array(message.bytes.slice().buffer);
      // A dead producer may have sent one that it had not counted yet.
      if (i < last || i > last + 1 && last !== -1) throw new Error(i + " after " + last);
      last = i;
      Atomics.add(marks, 1 + i, 1);
    }`,
};

Deno.test("Channel in a file goes on where it was when both sides are killed", async () => {
  const path = await Deno.makeTempFile();
  using region = MmapRegion.anonymous(16 << 20);
  const marks = region.view(Int32Array);
  try {
    const open = (side: string): Child =>
      new Child(
        `import { MmapRegion } from "@mmap/mmap";
        import { Channel } from "@mmap/mmap/channel";
        const marks = MmapRegion.fromEnv().view(Int32Array);
        const channel = Channel.create({ path: ${JSON.stringify(path)}, capacity: 4096 });
        console.log("up");
        ${side}`,
        { env: region.env() },
      );
    for (let killed = 0; killed < FILE_KILLS; killed += 2) {
      await using producer = open(FILE_SIDES.producer);
      await using consumer = open(FILE_SIDES.consumer);
      assertEquals([await producer.readLine(), await consumer.readLine()], ["up", "up"]);
      await randomMoment();
      for (const child of [producer, consumer]) child.kill();
      for (const child of [producer, consumer]) assertEquals((await child.ended()).code, 137);
    }
    using channel = Channel.create({ path, capacity: 4096 });
    for (let m = channel.tryReceive(); m !== null; m = channel.tryReceive()) {
      marks[1 + new Int32Array(m.buffer)[0]!]! += 1;
    }
    const sent = marks[0]!;
    const times = marks.subarray(1, 1 + sent);
    assert(sent > 0);
    assertEquals(times.findIndex((count) => count === 0), -1, "a message is lost");
    const again = times.reduce((sum, count) => sum + count - 1, 0);
    assert(again <= FILE_KILLS, `${again} came again`);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("Channel.receive() throws ConnectionReset if the other one dies before it sent", async () => {
  using channel = Channel.create({ capacity: 4096 });
  await using child = peer(
    channel,
    `say("up"); await new Promise(() => setInterval(() => {}, 1e6));`,
  );
  assertEquals(await child.readLine(), "up");
  const received = assertRejects(
    () => channel.receive(),
    Deno.errors.ConnectionReset,
    `${child.pid}`,
  );
  child.kill();
  await received;
  assertThrows(() => channel.receiveSync(), Deno.errors.ConnectionReset);
});
