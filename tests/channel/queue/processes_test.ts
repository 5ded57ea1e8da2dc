/** Channels between real processes. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Channel } from "@mmap/mmap/channel";
import { Child } from "../../_child.ts";
import { bytes, fill, numbered, numberOf, peer, textOf } from "../_channels.ts";

const FILE_PEERS = new URL("../_file_peers.ts", import.meta.url);

const sharers = (count: number): "single" | "multiple" => count === 1 ? "single" : "multiple";

for (const producers of [1, 4]) {
  for (const consumers of [1, 4]) {
    Deno.test(`Channel passes each message once, in order, from ${producers} to ${consumers}`, async () => {
      const shape = { producers: sharers(producers), consumers: sharers(consumers) };
      using channel = Channel.create({ capacity: 4096, ...shape });
      const count = 600;
      const receivers = Array.from({ length: consumers }, () => peer(channel, ["consume"]));
      const senders = Array.from(
        { length: producers },
        (_, id) => peer(channel, ["produce", id, count]),
      );
      // The last producer's close must not come before the first message of another one.
      if (producers > 1) await channel.sendMany([]);
      for (const sender of senders) assertEquals((await sender.ended()).code, 0);
      if (producers > 1) channel.closeSending();
      const perConsumer: [number, number][][] = [];
      for (const receiver of receivers) {
        perConsumer.push(JSON.parse(await receiver.readLine()));
        assertEquals((await receiver.ended()).code, 0);
      }
      const all = perConsumer.flat().map(([id, i]) => id * count + i).sort((a, b) => a - b);
      assertEquals(all, Array.from({ length: producers * count }, (_, i) => i));
      for (const seen of perConsumer) {
        for (let id = 0; id < producers; id++) {
          const order = seen.filter(([from]) => from === id).map(([, i]) => i);
          assertEquals(order, order.toSorted((a, b) => a - b));
        }
      }
    });
  }
}

Deno.test("Channel passes 0 bytes to 1 MiB unchanged", async () => {
  using channel = Channel.create({ capacity: 4 << 20 });
  await using child = peer(
    channel,
    ["digest"],
  );
  for (const byteLength of [0, 1, 7, 8, 9, 63, 64, 65, 4096, 65537, 1 << 20]) {
    const message = new Uint8Array(byteLength);
    for (let at = 0; at < byteLength; at += 65536) {
      crypto.getRandomValues(message.subarray(at, at + 65536));
    }
    await channel.send(message);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", message)) as
      & Uint8Array
      & { toHex(): string };
    assertEquals(await child.readLine(), `${byteLength} ${digest.toHex()}`);
  }
  channel.closeSending();
  assertEquals((await child.ended()).code, 0);
});

for (const wait of ["adaptive", "block", "spin"] as const) {
  Deno.test(`Channel echoes with wait "${wait}"`, async () => {
    using there = Channel.create({ capacity: 4096, wait });
    using back = Channel.create({ capacity: 4096, wait });
    await using child = peer(
      there,
      ["echo", wait],
      { env: back.env("BACK") },
    );
    for (let i = 0; i < 50; i++) {
      there.sendSync(numbered(i));
      assertEquals(numberOf((i % 2 ? await back.receive() : back.receiveSync())!), i);
    }
    there.closeSending();
    assertEquals(await back.receive(), null);
    assertEquals((await child.ended()).code, 0);
  });
}

for (const producers of ["single", "multiple"] as const) {
  Deno.test(`Channel.receive() throws ConnectionReset for a dead producer after draining (${producers})`, async () => {
    using channel = Channel.create({ capacity: 4096, producers });
    await using child = peer(channel, ["sendAndStay"]);
    assertEquals(await child.readLine(), "reserved");
    const { pid } = child;
    child.kill();
    await child.ended();
    for (let i = 0; i < 3; i++) assertEquals(numberOf((await channel.receive())!), i);
    const { ConnectionReset } = Deno.errors;
    await assertRejects(() => channel.receive(), ConnectionReset, `process ${pid}`);
    assertThrows(() => channel.receiveSync(), ConnectionReset, `process ${pid}`);
    await assertRejects(() => channel.receiveMany(1), ConnectionReset);
    // Another one takes its place, and its turn.
    using next = Channel.attach(channel.handle());
    next.sendSync(bytes("next"));
    assertEquals(textOf(await channel.receive()), "next");
  });

  Deno.test(`Channel.receive() that waits throws ConnectionReset when the producer dies (${producers})`, async () => {
    using channel = Channel.create({ capacity: 4096, producers });
    await using child = peer(channel, ["sendAndStay"]);
    for (let i = 0; i < 3; i++) assertEquals(numberOf((await channel.receive())!), i);
    assertEquals(await child.readLine(), "reserved");
    const receiving = channel.receive();
    child.kill();
    await assertRejects(() => receiving, Deno.errors.ConnectionReset, `process ${child.pid}`);
  });
}

for (const consumers of ["single", "multiple"] as const) {
  Deno.test(`Channel delivers again what a dead consumer had peeked (${consumers})`, async () => {
    using channel = Channel.create({ capacity: 4096, consumers });
    for (let i = 0; i < 3; i++) channel.sendSync(numbered(i));
    await using child = peer(
      channel,
      ["peekAndStay"],
    );
    assertEquals(await child.readLine(), "1");
    child.kill();
    await child.ended();
    using next = Channel.attach(channel.handle());
    assertEquals(numberOf((await next.receive())!), 1);
    assertEquals(numberOf((await next.receive())!), 2);
  });
}

Deno.test("Channel.send() throws ConnectionReset when the channel is full and its consumer dead", async () => {
  using channel = Channel.create({ capacity: 4096 });
  await using child = peer(
    channel,
    ["join"],
  );
  assertEquals(await child.readLine(), "joined");
  fill(channel);
  const message = new Uint8Array(1000);
  const sending = channel.send(message);
  child.kill();
  await assertRejects(() => sending, Deno.errors.ConnectionReset, `process ${child.pid}`);
  assertThrows(() => channel.sendSync(message), Deno.errors.ConnectionReset);
});

Deno.test("Channel waits for a peer that is stopped", async () => {
  using channel = Channel.create({ capacity: 4096 });
  await using child = peer(
    channel,
    ["sendHundred"],
  );
  assertEquals(await child.readLine(), "ready");
  assertEquals(numberOf((await channel.receive())!), 0);
  child.kill("SIGSTOP");
  let received = 1;
  while (channel.tryReceive() !== null) received++;
  if (received < 100) {
    await assertRejects(() => channel.receive({ timeoutMs: 300 }), Deno.errors.TimedOut);
  }
  child.kill("SIGCONT");
  for await (const message of channel) assertEquals(numberOf(message), received++);
  assertEquals(received, 100);
});

Deno.test("Channel in a file survives the death of both sides", async () => {
  const path = await Deno.makeTempFile({ dir: "/tmp" });
  try {
    for (const action of ["sendNine", "receiveFour"]) {
      await using child = new Child(FILE_PEERS, { args: [action, path] });
      assertEquals(await child.readLine(), "done");
    }
    using channel = Channel.create({ path, capacity: 4096 });
    for (let i = 4; i < 9; i++) assertEquals(channel.receiveSync(), new Uint8Array([i]));
    assertThrows(() => channel.receiveSync(), Deno.errors.ConnectionReset);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("Channel.create() at one path from several processes makes one channel", async () => {
  for (let round = 0; round < 3; round++) {
    const path = await Deno.makeTempFile();
    try {
      const children = Array.from(
        { length: 4 },
        (_, i) => new Child(FILE_PEERS, { args: ["createAndSend", path, i] }),
      );
      for (const child of children) await child.readLine();
      await Promise.all(children.map((child) => child.writeLine("")));
      for (const child of children) await child.readLine();
      {
        using channel = Channel.create({ path, capacity: 4096, producers: "multiple" });
        const received = (await channel.receiveMany(9)).map(([i]) => i);
        assertEquals(received.sort(), [0, 1, 2, 3]);
      }
      for (const child of children) assertEquals((await child.ended()).code, 0);
    } finally {
      await Deno.remove(path);
    }
  }
});
