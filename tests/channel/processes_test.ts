/** Channels between real processes. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Channel, type Sharers } from "@mmap/mmap/channel";
import { Child } from "../_child.ts";
import { bytes, fill, numbered, numberOf, peer, textOf } from "./_channels.ts";

const sharers = (count: number): Sharers => count === 1 ? "single" : "multiple";

const PRODUCER = `
  const [id, count] = Deno.args.map(Number);
  for (let i = 0; i < count; i++) {
    const message = new Uint8Array(16 + (i * 37) % 300).fill(i);
    new Float64Array(message.buffer, 0, 2).set([id, i]);
    if (i % 3 === 0) await channel.send(message);
    else channel.sendSync(message);
  }
  channel.close();
`;

const CONSUMER = `
  const seen = [];
  while (true) {
    const message = seen.length % 2 ? await channel.receive() : channel.receiveSync();
    if (message === null) break;
    const [id, i] = new Float64Array(message.buffer, 0, 2);
    const rest = message.subarray(16);
    if (message.length !== 16 + (i * 37) % 300 || !rest.every((b) => b === (i & 0xff))) {
      throw new Error("torn message");
    }
    seen.push([id, i]);
  }
  channel.close();
  say(JSON.stringify(seen));
`;

for (const producers of [1, 4]) {
  for (const consumers of [1, 4]) {
    Deno.test(`Channel passes each message once, in order, from ${producers} to ${consumers}`, async () => {
      const shape = { producers: sharers(producers), consumers: sharers(consumers) };
      using channel = Channel.create({ capacity: 4096, ...shape });
      const count = 600;
      const receivers = Array.from({ length: consumers }, () => peer(channel, CONSUMER));
      const senders = Array.from(
        { length: producers },
        (_, id) => peer(channel, PRODUCER, { args: [`${id}`, `${count}`] }),
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
    `for (let m = channel.receiveSync(); m !== null; m = await channel.receive()) {
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", m));
      say(m.length + " " + digest.toHex());
    }`,
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
      `const back = Channel.fromEnv("BACK", { wait: "${wait}" });
      for (let m = channel.receiveSync(); m !== null; m = channel.receiveSync()) back.sendSync(m);
      back.close(); channel.close();`,
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

const SEND_AND_STAY = `
  for (let i = 0; i < 3; i++) channel.sendSync(number(i));
  const slot = channel.reserve(8);
  slot.bytes.fill(255);
  say("reserved");
  await new Promise((resolve) => setTimeout(resolve, 1e6));
`;

for (const producers of ["single", "multiple"] as const) {
  Deno.test(`Channel.receive() throws ConnectionReset for a dead producer after draining (${producers})`, async () => {
    using channel = Channel.create({ capacity: 4096, producers });
    await using child = peer(channel, SEND_AND_STAY);
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
    await using child = peer(channel, SEND_AND_STAY);
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
      `channel.receiveSync();
      const message = channel.peek();
      say(String(numberOf(message.bytes.slice())));
      await new Promise((resolve) => setTimeout(resolve, 1e6));`,
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
    `channel.tryReceive(); say("joined"); for await (const _ of commands());`,
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
    `say("ready"); for (let i = 0; i < 100; i++) channel.sendSync(number(i)); channel.close();`,
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
    const open = `import { Channel } from "@mmap/mmap/channel";
      const channel = Channel.create({ path: ${JSON.stringify(path)}, capacity: 4096 });`;
    const stay = `console.log("done"); await new Promise((r) => setTimeout(r, 1e6));`;
    for (
      const code of [
        `for (let i = 0; i < 9; i++) channel.sendSync(new Uint8Array([i]));`,
        `for (let i = 0; i < 4; i++) if (channel.receiveSync()[0] !== i) throw new Error();`,
      ]
    ) {
      await using child = new Child(`${open}\n${code}\n${stay}`);
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
        (_, i) =>
          new Child(`import { Channel } from "@mmap/mmap/channel";
        console.log("ready");
        await Deno.stdin.read(new Uint8Array(1));
        using channel = Channel.create({ path: ${
            JSON.stringify(path)
          }, capacity: 4096, producers: "multiple" });
        channel.sendSync(new Uint8Array([${i}]));
        console.log("sent");
        await Deno.stdin.read(new Uint8Array(1));`),
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
