/** Channels between many processes and Workers, with messages of every length. */

import { assert, assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Channel, type Sharers } from "@mmap/mmap/channel";
import { numbered, numberOf, peer } from "./_channels.ts";

const sharers = (count: number): Sharers => count === 1 ? "single" : "multiple";

/** The same numbers and hashes in all processes. */
const MESSAGES = `
  function* randomOf(seed) {
    for (let x = seed + 1;;) {
      x ^= x << 13; x ^= x >>> 17; x ^= x << 5;
      yield x >>> 0;
    }
  }
  function hashOf(bytes) {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
    let hash = bytes.length;
    for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i], 0x01000193) ^ (hash >>> 15);
    for (let i = words.length * 4; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    return hash >>> 0;
  }
`;

/** Sends messages of 0 bytes to 1 MiB; says how often each hash, sender and number came. */
const PRODUCER = `
  const [id, count, most] = Deno.args.map(Number);
  const random = randomOf(id * 7919);
  const next = () => random.next().value;
  const pattern = new Uint32Array(1 << 18);
  for (let i = 0; i < pattern.length; i++) pattern[i] = next();
  const source = new Uint8Array(pattern.buffer);
  const sent = [];
  for (let i = 0; i < count; i++) {
    // As many short ones as long ones.
    const length = Math.min(most, next() % (1 << (next() % 21)) + (i % 17 === 0 ? 0 : 1));
    if (length < 8) {
      // No room for who and which: only its hash counts.
      const message = source.slice(i, i + length);
      await channel.send(message);
      sent.push(hashOf(message));
      continue;
    }
    const message = source.slice(0, length);
    new Int32Array(message.buffer, 0, 2).set([id, i]);
    if (i % 3 === 0) channel.sendSync(message);
    else if (i % 3 === 1) await channel.sendMany([message]);
    else {
      const slot = channel.reserve(length);
      if (slot === null) await channel.send(message);
      else {
        slot.bytes.set(message);
        slot.commit();
      }
    }
    sent.push(hashOf(message));
  }
  channel.close();
  say(JSON.stringify(sent));
`;

const CONSUMER = `
  const received = [];
  const target = new Uint8Array(1 << 20);
  const last = new Map();
  for (let n = 0;; n++) {
    let message = null;
    if (n % 4 === 0) message = await channel.receive();
    else if (n % 4 === 1) message = channel.receiveSync();
    else if (n % 4 === 2) {
      const length = await channel.receiveInto(target);
      if (length !== null) message = target.slice(0, length);
    } else {
      using peeked = channel.peek();
      if (peeked === null) continue;
      message = peeked.bytes.slice();
    }
    if (message === null) break;
    received.push(hashOf(message.slice()));
    if (message.length < 8) continue;
    const [id, i] = new Int32Array(message.slice(0, 8).buffer);
    if (i <= (last.get(id) ?? -1)) throw new Error("out of order");
    last.set(id, i);
  }
  channel.close();
  say(JSON.stringify(received));
`;

/** Runs producers and consumers, and compares the hashes of what they sent and received. */
async function passAll(
  channel: Channel,
  [producers, consumers]: readonly [number, number],
  count: number,
  options = "",
): Promise<void> {
  const setUp = `const channel = Channel.fromEnv("CHANNEL", { ${options} });`;
  const child = (code: string, args: string[] = []) =>
    peer(channel, `{ ${setUp} ${MESSAGES} ${code} }`, { args, env: channel.env("CHANNEL") });
  const { maxByteLength } = channel;
  const receivers = Array.from({ length: consumers }, () => child(CONSUMER));
  const senders = Array.from(
    { length: producers },
    (_, id) => child(PRODUCER, [`${id}`, `${count}`, `${maxByteLength}`]),
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
      await passAll(channel, ends, 600 / producers, `pooled: ${pooled}`);
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
        `for (let i = 0; i < ${count}; i++) channel.sendSync(number(i));
        channel.close(); say("done");`,
      )
      : peer(
        channel,
        `let next = 0;
        for await (const m of channel) if (numberOf(m) !== next++) throw new Error("out of order");
        say(String(next));`,
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
    `for (let i = 0; i < 300; i++) channel.sendSync(new Uint8Array(1000).fill(i));
    channel.close();`,
  );
  for (let i = 0; i < 300; i++) {
    const message = await channel.receive();
    assertEquals(message, new Uint8Array(1000).fill(i));
    if (i % 20 === 0) await moment();
  }
  assertEquals(await channel.receive(), null);
  assertEquals((await child.ended()).code, 0);
});

/** Takes a channel's handle and adds up what it receives, or sends so many numbers. */
const WORKER = `
  import { Channel } from ${JSON.stringify(import.meta.resolve("../../src/channel/mod.ts"))};
  onmessage = async ({ data: { handle, count } }) => {
    const channel = Channel.attach(handle);
    let sum = 0;
    if (count > 0) {
      for (let i = 1; i <= count; i++) {
        const message = new Uint8Array(new Float64Array([i]).buffer);
        if (i % 2) channel.sendSync(message);
        else await channel.send(message);
      }
    } else {
      for await (const message of channel) sum += new Float64Array(message.buffer, 0, 1)[0];
    }
    postMessage(sum);
    if (count === 0) channel.close();
  };
`;

Deno.test("Channel passes each message once between Workers", async () => {
  using channel = Channel.create({
    capacity: 4096,
    producers: "multiple",
    consumers: "multiple",
  });
  const count = 3000;
  const start = (count: number): { worker: Worker; sum: Promise<number> } => {
    const url = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
    const worker = new Worker(url, { type: "module" });
    URL.revokeObjectURL(url);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage({ handle: channel.handle(), count });
    return { worker, sum: promise };
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
  const code = `
    import { Channel } from ${JSON.stringify(import.meta.resolve("../../src/channel/mod.ts"))};
    onmessage = ({ data }) => {
      const channel = Channel.attach(data);
      channel.sendSync(new Uint8Array([1]));
      const slot = channel.reserve(8);
      postMessage(slot.bytes.length);
    };
  `;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(code)}`, { type: "module" });
  const { promise, resolve } = Promise.withResolvers<number>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.postMessage(channel.handle());
  assertEquals(await promise, 8);
  worker.terminate();
  assertEquals(await channel.receive(), new Uint8Array([1]));
  let error: unknown;
  await channel.receive({ timeoutMs: 20_000 }).catch((reason) => error = reason);
  assert(error instanceof Deno.errors.ConnectionReset, `${error}`);
});
