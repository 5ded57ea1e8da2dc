/** Peers that are killed at random moments: 500 in all, or MMAP_KILLS of them. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { repetitions } from "../../_capabilities.ts";
import { Child, KILLED } from "../../_child.ts";
import { numbered, peer } from "../_channels.ts";

const FILE_PEERS = new URL("../_file_peers.ts", import.meta.url);

const ALL_KILLS = repetitions(Number(Deno.env.get("MMAP_KILLS") ?? 500));

/** In each test with one process at a time, and with three, which takes less time for each. */
const KILLS = { single: Math.ceil(ALL_KILLS * 0.16), multiple: Math.ceil(ALL_KILLS * 0.3) };

/** Of both sides of a file. */
const FILE_KILLS = Math.ceil(ALL_KILLS * 0.08);

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

for (
  const [producers, together] of [["single", 1], ["multiple", 3]] as [
    "single" | "multiple",
    number,
  ][]
) {
  Deno.test(`Channel loses and tears nothing when producers are killed (${producers})`, async () => {
    using channel = Channel.create({ capacity: 8192, producers });
    const counts = new Map<number, number>();
    const receiveFrom = async (id: number) => {
      await using child = peer(channel, ["flood", id]);
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

for (
  const [consumers, together] of [["single", 1], ["multiple", 3]] as [
    "single" | "multiple",
    number,
  ][]
) {
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
      await using child = peer(channel, ["mark"], { env: region.env() });
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

Deno.test("Channel in a file goes on where it was when both sides are killed", async () => {
  const path = await Deno.makeTempFile();
  using region = MmapRegion.anonymous(16 << 20);
  const marks = region.view(Int32Array);
  try {
    const open = (side: string): Child =>
      new Child(FILE_PEERS, { args: [side, path], env: region.env() });
    for (let killed = 0; killed < FILE_KILLS; killed += 2) {
      await using producer = open("produceMarked");
      await using consumer = open("consumeMarked");
      assertEquals([await producer.readLine(), await consumer.readLine()], ["up", "up"]);
      await randomMoment();
      for (const child of [producer, consumer]) child.kill();
      for (const child of [producer, consumer]) {
        assertEquals((await child.ended()).code, KILLED.code);
      }
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
    ["comeUp"],
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
