/** Channels together with C programs that use languages/c/mmap_channel.h. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { formatHandle, MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { RECEIVE_BELL, SEND_BELL, TAIL } from "../../../src/channel/queue/queue_layout.ts";
import { composed, receiveAll, sendAll, testWithC } from "./_c_peer.ts";
import { Child } from "../../_child.ts";
import { bytes, fill, peer, textOf } from "../_channels.ts";

/** The sum of the numbers below `count`. */
const sumBelow = (count: number) => count * (count - 1) / 2;

const COUNT = 300;

/** Where a position has more than 32 bits soon after the beginning. */
const NEARLY_2_32 = 2n ** 32n - 1000n;

const starts: [string, (channel: Channel) => void][] = [
  ["from the beginning", () => {}],
  [
    "around position 2^32",
    (channel) => {
      const words = channel.region.view(BigInt64Array, 4 * TAIL, 16);
      words[0] = words[8] = NEARLY_2_32; // TAIL and HEAD
    },
  ],
];

for (const [name, prepare] of starts) {
  testWithC(`Channel passes messages to a C program, ${name}`, {}, async ({ channel, join }) => {
    prepare(channel);
    const peer = await join("consume");
    const answer = peer.ask(`receive-all ${channel.maxByteLength}`);
    await sendAll(channel, 1, COUNT);
    channel.closeSending();
    assertEquals(await answer, `${COUNT} ENODATA ${sumBelow(COUNT)}`);
    assertEquals(channel.ended, true);
  });

  testWithC(`Channel gets messages from a C program, ${name}`, {}, async ({ channel, join }) => {
    prepare(channel);
    const peer = await join("produce");
    const answer = peer.ask(`send-all 2 ${COUNT} ${channel.maxByteLength}`);
    for (let n = 0; n < COUNT; n++) {
      assertEquals(await channel.receive(), composed(channel.maxByteLength, 2, n));
    }
    assertEquals(await answer, `0 ${COUNT}`);
    assertEquals(await peer.ask("close"), "0 0");
    assertEquals(await channel.receive(), null);
  });
}

for (const place of ["path", "name"] as const) {
  testWithC(`Channel under a ${place} is opened by a C program`, {}, async ({ dir, start }) => {
    const where = place === "path"
      ? `${dir}/a b&c`
      : `mmap-test-${crypto.randomUUID().slice(0, 13)}`;
    using channel = Channel.create({ capacity: 4096, [place]: where });
    const peer = start();
    assertEquals(await peer.ask(`consume ${formatHandle(channel.handle())}`), "0 0");
    channel.sendSync(bytes("hello"));
    assertEquals(await peer.ask("receive -1 100"), "0 5");
  });
}

testWithC("Channel whose file has another name now is opened by a C program", {}, async (given) => {
  const path = `${given.dir}/channel`;
  using channel = Channel.create({ capacity: 4096, path });
  Deno.renameSync(path, `${path}.renamed`);
  const peer = given.start();
  assertEquals(await peer.ask(`consume ${formatHandle(channel.handle())}`), "0 0");
  channel.sendSync(bytes("hello"));
  assertEquals(await peer.ask("receive -1 100"), "0 5");
});

testWithC("Channel both of whose ends are a C program's loses neither", {}, async (given) => {
  const peer = await given.join("consume");
  const handle = formatHandle(given.channel.handle());
  assertEquals(await peer.ask(`produce-too ${handle}`), "0 0");
  // It looks for a dead producer every 30 ms, and finds the one of its own thread alive.
  assertEquals(await peer.ask("receive 200 100"), "ETIMEDOUT 0");
});

testWithC("Channel over a part of a region is opened by a C program", {}, async ({ start }) => {
  using region = MmapRegion.anonymous(4 * 4096);
  using channel = Channel.over(region, 4096 + 64, { capacity: 4096 });
  const peer = start();
  assertEquals(await peer.ask(`produce ${formatHandle(channel.handle())}`), "0 0");
  assertEquals(await peer.ask("send 7 -1"), "0 0");
  assertEquals(channel.receiveSync(), new Uint8Array(7));
});

testWithC("Channel passes empty messages to C and back", {}, async ({ channel, join }) => {
  using other = Channel.create({ capacity: 4096 });
  const consumer = await join("consume");
  channel.sendSync(new Uint8Array());
  assertEquals(await consumer.ask("receive -1 0"), "0 0");
  assertEquals(await consumer.ask("close"), "0 0");
  assertEquals(await consumer.ask(`produce ${formatHandle(other.handle())}`), "0 0");
  assertEquals(await consumer.ask("send 0 -1"), "0 0");
  assertEquals(other.receiveSync(), new Uint8Array());
});

testWithC("Channel tells a C program why it cannot go on", {}, async ({ channel, join, start }) => {
  const consumer = await join("consume");
  assertEquals(await consumer.ask("receive 0 100"), "EAGAIN 0");
  assertEquals(await consumer.ask("receive 1 100"), "ETIMEDOUT 0");
  channel.sendSync(bytes("hello"));
  assertEquals(await consumer.ask("receive -1 4"), "EMSGSIZE 5");
  assertEquals(await consumer.ask("receive -1 5"), "0 5");
  const other = start();
  const handle = formatHandle(channel.handle());
  assertEquals(await other.ask(`consume ${handle}`), "EBUSY 0");
  assertEquals(await other.ask(`produce ${handle}`), "EBUSY 0");
  assertEquals(await other.ask("produce mmap:nonsense"), "ENOENT 0");
  using region = MmapRegion.anonymous(8192);
  assertEquals(await other.ask(`consume ${formatHandle(region.handle())}`), "EPROTO 0");
  using second = Channel.attach(channel.handle());
  assertThrows(() => second.tryReceive(), Deno.errors.Busy, `process ${consumer.pid}`);
});

testWithC("Channel that is full makes a C program wait", {}, async ({ channel, join }) => {
  const producer = await join("produce");
  let sent = 0;
  while (await producer.ask("send 1000 0") === "0 0") sent++;
  assertEquals(sent, 4);
  assertEquals(await producer.ask("send 1000 1"), "ETIMEDOUT 0");
  assertEquals(await producer.ask(`send ${channel.maxByteLength + 1} 0`), "EMSGSIZE 0");
  const waiting = producer.ask("send 1000 -1");
  await rung(channel, SEND_BELL);
  for (let i = 0; i < sent; i++) assertEquals(channel.receiveSync()!.length, 1000);
  assertEquals(await waiting, "0 0");
  assertEquals((await channel.receive())!.length, 1000);
});

testWithC("Channel wakes a C program that sleeps", {}, async ({ channel, join }) => {
  const consumer = await join("consume");
  const waiting = consumer.ask("receive -1 100");
  await rung(channel, RECEIVE_BELL);
  channel.sendSync(bytes("wake up"));
  assertEquals(await waiting, "0 7");
});

/** Waits until somebody sleeps on a bell, or is about to. */
async function rung(channel: Channel, bell: number): Promise<void> {
  const cells = channel.region.view(Int32Array, 4 * bell, 1);
  while (Atomics.load(cells, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}

testWithC("Channel that a C program ends gives what is left, then null", {}, async (given) => {
  const { channel, join } = given;
  const producer = await join("produce");
  assertEquals(await producer.ask("reserve 100"), "0 0");
  assertEquals(await producer.ask("commit 3"), "0 0");
  assertEquals(await producer.ask("end"), "0 0");
  assertEquals(await producer.ask("send 1 -1"), "EPIPE 0");
  assertEquals(await channel.receive(), new Uint8Array([255, 255, 255]));
  assertEquals(await channel.receive(), null);
});

testWithC("Channel that its C consumer left cannot be sent to", {}, async ({ channel, join }) => {
  const consumer = await join("consume");
  fill(channel);
  const sending = assertRejects(
    () => channel.send(new Uint8Array(1000)),
    Deno.errors.BrokenPipe,
    "the last consumer has left",
  );
  assertEquals(await consumer.ask("close"), "0 0");
  await sending;
});

testWithC(
  "Channel that its consumer left cannot be sent to by C",
  {},
  async ({ channel, join }) => {
    const producer = await join("produce");
    {
      using other = Channel.attach(channel.handle());
      assertEquals(other.tryReceive(), null);
      assertEquals(await producer.ask("send 1 -1"), "0 0");
    }
    assertEquals(await producer.ask("send 1 -1"), "EPIPE 0");
  },
);

const FILE_PEERS = new URL("../_file_peers.ts", import.meta.url);

const SEVERAL = { producers: "multiple", consumers: "multiple" } as const;

for (const [name, options] of [["the only one", {}], ["one of several", SEVERAL]] as const) {
  testWithC(`Channel notices the death of a C producer, ${name}`, options, async (given) => {
    const { channel, join } = given;
    const producer = await join("produce");
    assertEquals(await producer.ask("send 5 -1"), "0 0");
    assertEquals(await producer.ask("reserve 100"), "0 0");
    assertEquals((await channel.receive())!.length, 5);
    // What it has reserved is not there.
    const { ConnectionReset } = Deno.errors;
    const receiving = assertRejects(
      () => channel.receive(),
      ConnectionReset,
      `process ${producer.pid}`,
    );
    await producer.killed();
    await receiving;
    using next = Channel.attach(channel.handle());
    next.sendSync(bytes("next"));
    assertEquals(textOf(await channel.receive()), "next");
  });

  testWithC(
    `Channel delivers again what a dead C consumer had peeked, ${name}`,
    options,
    async (given) => {
      const { channel, join } = given;
      for (let i = 1; i < 4; i++) channel.sendSync(new Uint8Array(i));
      const consumer = await join("consume");
      assertEquals(await consumer.ask("receive -1 100"), "0 1");
      assertEquals(await consumer.ask("peek"), "0 2");
      await consumer.killed();
      const next = await join("consume");
      assertEquals(await next.ask("receive -1 100"), "0 2");
      assertEquals(await next.ask("receive -1 100"), "0 3");
    },
  );
}

testWithC("Channel notices the death of a C program that sent nothing", {}, async (given) => {
  const { channel, join } = given;
  const producer = await join("produce");
  await producer.killed();
  const { ConnectionReset } = Deno.errors;
  await assertRejects(() => channel.receive(), ConnectionReset, `process ${producer.pid}`);
});

testWithC("Channel that is full notices the death of its C consumer", {}, async (given) => {
  const { channel, join } = given;
  const consumer = await join("consume");
  fill(channel);
  const sending = assertRejects(
    () => channel.send(new Uint8Array(1000)),
    Deno.errors.ConnectionReset,
    `process ${consumer.pid}`,
  );
  await consumer.killed();
  await sending;
});

for (const [what, sends] of [["that sent", true], ["that sent nothing", false]] as const) {
  testWithC(`Channel tells a C consumer of the death of Deno ${what}`, {}, async (given) => {
    const consumer = given.start();
    // This process must not have it open: before its first message a producer can be anybody.
    await using child = new Child(FILE_PEERS, {
      args: ["offer", `${given.dir}/channel`, sends],
    });
    assertEquals(await consumer.ask(`consume ${await child.readLine()}`), "0 0");
    if (sends) assertEquals(await consumer.ask("receive -1 100"), "0 9");
    const waiting = consumer.ask("receive -1 100");
    child.kill();
    assertEquals(await waiting, "ECONNRESET 0");
  });
}

testWithC("Channel tells a C producer that Deno, its consumer, died", {}, async (given) => {
  const producer = await given.join("produce");
  await using child = peer(
    given.channel,
    ["join"],
  );
  assertEquals(await child.readLine(), "joined");
  while (await producer.ask("send 1000 0") === "0 0");
  const waiting = producer.ask("send 1000 -1");
  child.kill();
  assertEquals(await waiting, "ECONNRESET 0");
});

testWithC(
  "Channel passes each message once among several of Deno and C",
  SEVERAL,
  async (given) => {
    const { channel, join } = given;
    const consumers = [await join("consume"), await join("consume")];
    const producers = [await join("produce"), await join("produce")];
    const most = channel.maxByteLength;
    using other = Channel.attach(channel.handle());
    const taken = [
      receiveAll(other),
      ...consumers.map(async (consumer) => {
        const [count, end, sum] = (await consumer.ask(`receive-all ${most}`)).split(" ");
        assertEquals(end, "ENODATA");
        return { count: Number(count), sum: Number(sum) };
      }),
    ];
    await Promise.all([
      sendAll(channel, 0, COUNT),
      ...producers.map((producer, i) => producer.ask(`send-all ${i + 1} ${COUNT} ${most}`)),
    ]);
    channel.closeSending();
    const results = await Promise.all(taken);
    assertEquals(results.reduce((total, { count }) => total + count, 0), 3 * COUNT);
    assertEquals(results.reduce((total, { sum }) => total + sum, 0), 3 * sumBelow(COUNT));
  },
);
