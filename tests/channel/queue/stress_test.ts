/** Channels between many processes and Workers, with messages of every length. */

import { assert, assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Channel, type JoinOptions } from "@mmap/mmap/channel";
import { startWorker } from "../../_act.ts";
import type { Child } from "../../_child.ts";
import { numbered, numberOf, peer } from "../_channels.ts";

const FILE_PEERS = new URL("../_file_peers.ts", import.meta.url);

const sharers = (count: number): "single" | "multiple" => count === 1 ? "single" : "multiple";

/** Runs producers and consumers, and compares the hashes of what they sent and received. */
async function passAll(
  channel: Channel,
  [producers, consumers]: readonly [number, number],
  count: number,
  options: JoinOptions = {},
): Promise<void> {
  const child = (...action: unknown[]): Child =>
    peer(channel, action, { env: channel.env("CHANNEL") });
  const { maxByteLength } = channel;
  const receivers = Array.from({ length: consumers }, () => child("receiveAll", options));
  const senders = Array.from(
    { length: producers },
    (_, id) => child("sendAll", id, count, maxByteLength, options),
  );
  // The last producer's close must not come before the first message of another one.
  if (producers > 1) await channel.sendMany([]);
  const sent: number[] = [];
  for (const sender of senders) sent.push(...JSON.parse(await sender.readLine()));
  if (producers > 1) channel.closeSending();
  const received: number[] = [];
  for (const receiver of receivers) received.push(...JSON.parse(await receiver.readLine()));
  for (const process of [...senders, ...receivers]) {
    assertEquals((await process.ended()).code, 0);
  }
  assertEquals(sent.length, producers * count);
  assertEquals(received.sort((a, b) => a - b), sent.sort((a, b) => a - b));
}

for (const pooled of [false, true]) {
  for (const ends of [[1, 1], [4, 1], [1, 4], [4, 4]] as const) {
    const [producers, consumers] = ends;
    Deno.test(`Channel passes 0 bytes to 1 MiB from ${producers} to ${consumers}, pooled ${pooled}`, async () => {
      const shape = { producers: sharers(producers), consumers: sharers(consumers) };
      using channel = Channel.create({ capacity: 4 << 20, ...shape });
      await passAll(channel, ends, 600 / producers, { pooled });
    });
  }
}

for (const ends of [[1, 1], [4, 4]] as const) {
  Deno.test(`Channel of one message passes all lengths from ${ends[0]} to ${ends[1]}`, async () => {
    const shape = { producers: sharers(ends[0]), consumers: sharers(ends[1]) };
    using channel = Channel.create({ capacity: 4096, ...shape });
    await passAll(channel, ends, 1200 / ends[0]);
  });
}

for (const who of ["producer", "consumer"] as const) {
  Deno.test(`Channel loses nothing when its ${who} is stopped again and again`, async () => {
    const count = 40_000;
    using channel = Channel.create({ capacity: 65536 });
    await using child = who === "producer"
      ? peer(
        channel,
        ["sendNumbers", count],
      )
      : peer(
        channel,
        ["receiveNumbers"],
      );
    let isOver = false;
    const passing = (async () => {
      if (who === "producer") {
        let next = 0;
        for await (const message of channel) assertEquals(numberOf(message), next++);
        assertEquals(next, count);
      } else {
        for (let i = 0; i < count; i++) await channel.send(numbered(i));
        channel.closeSending();
      }
      isOver = true;
    })();
    for (let stops = 0; stops < 20 && !isOver; stops++) {
      child.kill("SIGSTOP");
      await moment();
      child.kill("SIGCONT");
      await moment();
    }
    await passing;
    assertEquals(await child.readLine(), who === "producer" ? "done" : `${count}`);
    assertEquals((await child.ended()).code, 0);
  });
}

/** A while of up to 5 ms: what is stopped or slow is so at random places. */
function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
}

Deno.test("Channel holds a producer back whose consumer is slow", async () => {
  using channel = Channel.create({ capacity: 4096 });
  await using child = peer(
    channel,
    ["sendLong"],
  );
  for (let i = 0; i < 300; i++) {
    const message = await channel.receive();
    assertEquals(message, new Uint8Array(1000).fill(i));
    if (i % 20 === 0) await moment();
  }
  assertEquals(await channel.receive(), null);
  assertEquals((await child.ended()).code, 0);
});

Deno.test("Channel passes each message once between Workers", async () => {
  using channel = Channel.create({
    capacity: 4096,
    producers: "multiple",
    consumers: "multiple",
  });
  const count = 3000;
  const start = (count: number): { worker: Worker; sum: Promise<number> } => {
    const { worker, next } = startWorker(FILE_PEERS, "addUp");
    worker.postMessage({ handle: channel.handle(), count });
    return { worker, sum: next() };
  };
  const producers = [start(count), start(count)];
  const consumers = [start(0), start(0)];
  try {
    await Promise.all(producers.map(({ sum }) => sum));
    channel.closeSending();
    const sums = await Promise.all(consumers.map(({ sum }) => sum));
    assertEquals(sums[0]! + sums[1]!, count * (count + 1));
    assert(channel.ended);
  } finally {
    for (const { worker } of [...producers, ...consumers]) worker.terminate();
  }
});

Deno.test("Channel takes a terminated Worker for dead", async () => {
  using region = MmapRegion.anonymous(8192);
  using channel = Channel.over(region, 0, { capacity: 4096 });
  const { worker, next } = startWorker(FILE_PEERS, "sendAndReserve");
  worker.postMessage(channel.handle());
  assertEquals(await next(), 8);
  worker.terminate();
  assertEquals(await channel.receive(), new Uint8Array([1]));
  let error: unknown;
  await channel.receive({ timeoutMs: 20_000 }).catch((reason) => error = reason);
  assert(error instanceof Deno.errors.ConnectionReset, `${error}`);
});
