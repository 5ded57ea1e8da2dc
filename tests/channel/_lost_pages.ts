/**
 * A process that loses pages of a file in which a channel lies, because another one truncates it or
 * the disk is full. Run with the name of a case and a directory.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { Broadcast, Channel, connect, Latest, serve } from "@mmap/mmap/channel";
import { runPeer, touch, truncate } from "../_losing.ts";
import { fillDisk } from "../_fill_disk.ts";
import { PAGE } from "../_pages.ts";

const [name, dir] = Deno.args as [string, string];
const path = `${dir}/channel`;
const PEER = import.meta.resolve("./_lost_peer.ts");

const CAPACITY = 4 * PAGE;
const WHOLE = PAGE + CAPACITY;
const MANY = { producers: "multiple", consumers: "multiple" } as const;
const LATE = { timeoutMs: 20_000 };
const message = new Uint8Array(100).fill(7);

const CHANNEL_CALLS: Record<string, (channel: Channel) => unknown> = {
  trySend: (channel) => channel.trySend(message),
  sendSync: (channel) => channel.sendSync(message, LATE),
  send: (channel) => channel.send(message, LATE),
  sendMany: (channel) => channel.sendMany([message, message], LATE),
  reserve: (channel) => channel.reserve(10),
  closeSending: (channel) => channel.closeSending(),
  tryReceive: (channel) => channel.tryReceive(),
  receiveSync: (channel) => channel.receiveSync(LATE),
  receive: (channel) => channel.receive(LATE),
  tryReceiveInto: (channel) => channel.tryReceiveInto(new Uint8Array(200)),
  receiveIntoSync: (channel) => channel.receiveIntoSync(new Uint8Array(200), LATE),
  receiveInto: (channel) => channel.receiveInto(new Uint8Array(200), LATE),
  receiveMany: (channel) => channel.receiveMany(10, LATE),
  peek: (channel) => channel.peek(),
  iterate: (channel) => Array.fromAsync(channel),
  values: (channel) => channel.values().receive(LATE),
  readable: (channel) => Array.fromAsync(channel.readable),
  ended: (channel) => channel.ended,
  stats: (channel) => channel.stats(),
};

const BROADCAST_CALLS: Record<string, (broadcast: Broadcast) => unknown> = {
  publish: (broadcast) => broadcast.publish(message),
  subscribe: (broadcast) => broadcast.subscribe(),
  tryReceive: (broadcast) => broadcast.subscribe().tryReceive(),
};

const LATEST_CALLS: Record<string, (latest: Latest) => unknown> = {
  write: (latest) => latest.write(message),
  read: (latest) => latest.read(),
  version: (latest) => latest.version,
  changed: (latest) => latest.changed(LATE),
};

async function assertLost(what: string, call: () => unknown): Promise<void> {
  const error = await assertRejects(async () => await call(), MappingFaultError, path, what);
  assertEquals(error.path, path);
}

function fresh<T>(make: () => T): T {
  Deno.writeFileSync(path, new Uint8Array());
  return make();
}

/** Makes each call on one of its own, before and after the pages are lost for sure. */
async function assertCallsLose<T extends { region: MmapRegion; close(): void }>(
  make: () => T,
  calls: Record<string, (made: T) => unknown>,
  left: number,
): Promise<void> {
  for (const [what, call] of Object.entries(calls)) {
    const made = fresh(make);
    truncate(path, left);
    touch(made.region);
    for (let i = 0; i < 2; i++) await assertLost(`${what}, ${left} bytes left`, () => call(made));
    made.close();
    made.close();
  }
}

const cases: Record<string, () => unknown> = {
  async "every call throws"(): Promise<void> {
    for (const left of [0, PAGE, 2 * PAGE]) {
      for (const shape of [{}, MANY]) {
        const make = () => Channel.create({ path, capacity: CAPACITY, ...shape });
        await assertCallsLose(make, CHANNEL_CALLS, left);
      }
      const makeBroadcast = () => Broadcast.create({ path, capacity: CAPACITY });
      await assertCallsLose(makeBroadcast, BROADCAST_CALLS, left);
      const makeLatest = () => Latest.create({ path, byteLength: message.length });
      await assertCallsLose(makeLatest, LATEST_CALLS, Math.min(left, PAGE));
    }
  },

  async "the call that loses the page gives nothing made-up"(): Promise<void> {
    for (const shape of [{}, MANY]) {
      for (const call of ["tryReceive", "receiveSync", "receive", "receiveInto", "receiveMany"]) {
        using channel = fresh(() => Channel.create({ path, capacity: CAPACITY, ...shape }));
        for (let i = 0; i < 10; i++) channel.sendSync(message);
        truncate(path, PAGE);
        await assertLost(call, () => CHANNEL_CALLS[call]!(channel));
      }
      using channel = fresh(() => Channel.create({ path, capacity: CAPACITY, ...shape }));
      truncate(path, PAGE);
      await assertLost("trySend", () => channel.trySend(message));
    }
    using feed = fresh(() => Broadcast.create({ path, capacity: CAPACITY }));
    using subscription = feed.subscribe();
    for (let i = 0; i < 10; i++) feed.publish(message);
    truncate(path, PAGE);
    await assertLost("subscription", () => subscription.tryReceive());
    await assertLost("subscription", () => subscription.receiveSync(LATE));
    await assertLost("subscription", () => subscription.receive(LATE));
    using latest = fresh(() => Latest.create({ path, byteLength: message.length }));
    latest.write(message);
    truncate(path, PAGE);
    await assertLost("latest", () => latest.read());
  },

  async "waits end"(): Promise<void> {
    const full = (channel: Channel) => {
      while (channel.trySend(message));
      return channel;
    };
    const make = (shape: object) => Channel.create({ path, capacity: CAPACITY, ...shape });
    const waits: Record<string, () => [Disposable, () => unknown]> = {};
    for (
      const [kind, shape] of Object.entries({ one: {}, many: MANY, spinning: { wait: "spin" } })
    ) {
      const waiting = (use: (channel: Channel) => unknown) => (): [Disposable, () => unknown] => {
        const channel = make(shape);
        return [channel, () => use(channel)];
      };
      waits[`receiveSync, ${kind}`] = waiting((channel) => channel.receiveSync(LATE));
      waits[`receive, ${kind}`] = waiting((channel) => channel.receive(LATE));
      waits[`sendSync, ${kind}`] = waiting((channel) => full(channel).sendSync(message, LATE));
      waits[`send, ${kind}`] = waiting((channel) => full(channel).send(message, LATE));
    }
    waits["subscription"] = () => {
      const feed = Broadcast.create({ path, capacity: CAPACITY });
      const subscription = feed.subscribe();
      return [feed, () => subscription.receive(LATE)];
    };
    waits["latest"] = () => {
      const latest = Latest.create({ path, byteLength: 100 });
      return [latest, () => latest.changed(LATE)];
    };
    for (const [what, begin] of Object.entries(waits)) {
      const [made, wait] = fresh(begin);
      const truncating = new Deno.Command("truncate", { args: ["-s", "0", path] }).spawn();
      await assertLost(what, wait);
      assert((await truncating.status).success);
      made[Symbol.dispose]();
    }
  },

  async "others learn of it as of a death, and repair heals"(): Promise<void> {
    for (const shape of [{}, MANY]) {
      using channel = fresh(() => Channel.create({ path, capacity: CAPACITY, ...shape }));
      channel.sendSync(message);
      assertEquals(channel.tryReceive(), message);
      truncate(path, PAGE);
      await assertLost("send", () => channel.sendSync(message));
      truncate(path, WHOLE);
      assertEquals(runPeer(PEER, "receive", path, JSON.stringify(shape)), "ConnectionReset");
      await assertLost("send before repair", () => channel.sendSync(message));
      channel.region.repair();
      channel.sendSync(message);
      channel.sendSync(message);
      assertEquals(channel.stats().producers, [Deno.pid]);
      channel.closeSending();
      assertEquals(runPeer(PEER, "receive", path, JSON.stringify(shape)), "100 100 end");
    }
  },

  "closing leaves it to others"(): void {
    const channel = fresh(() => Channel.create({ path, capacity: CAPACITY }));
    channel.sendSync(message);
    assertEquals(channel.tryReceive(), message);
    truncate(path, PAGE);
    assertThrows(() => channel.sendSync(message), MappingFaultError);
    truncate(path, WHOLE);
    channel.close();
    assertEquals(runPeer(PEER, "receive", path, "{}"), "ConnectionReset");
    // Nor does it take away what another one has by now.
    const former = fresh(() => Channel.create({ path, capacity: CAPACITY }));
    truncate(path, PAGE);
    touch(former.region);
    assertThrows(() => former.stats(), MappingFaultError);
    truncate(path, WHOLE);
    former.region.repair();
    using present = Channel.create({ path, capacity: CAPACITY });
    present.sendSync(message);
    former.close();
    assertEquals(present.stats().producers, [Deno.pid]);
  },

  "slots and peeked messages are given up"(): void {
    using channel = fresh(() => Channel.create({ path, capacity: CAPACITY, ...MANY }));
    channel.sendSync(message);
    const peeked = channel.peek()!;
    const slot = channel.reserve(10)!;
    truncate(path, PAGE);
    touch(channel.region);
    assertThrows(() => slot.commit(), MappingFaultError);
    assertThrows(() => channel.peek(), MappingFaultError);
    const other = (() => {
      truncate(path, WHOLE);
      channel.region.repair();
      return channel.reserve(10)!;
    })();
    peeked[Symbol.dispose]();
    slot[Symbol.dispose]();
    assertThrows(() => channel.reserve(10), Deno.errors.Busy);
    other.commit(5);
  },

  "a broadcast has another writer, and the old one again after repair"(): void {
    using feed = fresh(() => Broadcast.create({ path, capacity: CAPACITY }));
    feed.publish(message);
    truncate(path, PAGE);
    assertThrows(() => feed.publish(message), MappingFaultError);
    truncate(path, WHOLE);
    assertEquals(runPeer(PEER, "publish", path, "{}"), "published");
    feed.region.repair();
    assertThrows(() => feed.publish(message), Deno.errors.BrokenPipe); // the other one has closed it
  },

  async "a server closes"(): Promise<void> {
    const server = fresh(() => serve({ path }, (request) => request));
    await using client = connect({ path });
    assertEquals(await client.call(message), message);
    truncate(path, 0);
    await server.finished;
    assertEquals(server.closed, true);
    server.close();
    await assertRejects(() => client.call(message), Deno.errors.BrokenPipe);
  },

  "what lies on other pages goes on"(): void {
    Deno.writeFileSync(path, new Uint8Array(2 * WHOLE + PAGE));
    using region = MmapRegion.open(path, { access: "read-write" });
    using channel = Channel.over(region, 0, { capacity: CAPACITY });
    using lost = Channel.over(region, WHOLE, { capacity: CAPACITY });
    channel.sendSync(message);
    lost.sendSync(message);
    truncate(path, WHOLE);
    assertThrows(() => lost.tryReceive(), MappingFaultError);
    assertEquals(channel.tryReceive(), message);
    assertEquals(runPeer(PEER, "over", path, "0"), "Busy"); // since the consumer lives
    channel.sendSync(message);
    assertEquals(channel.tryReceive(), message);
  },

  "no page can be had on a full disk"(): void {
    using channel = Channel.create({ path, capacity: CAPACITY });
    // Whatever was reserved, another process takes it away again.
    const punch = ["--punch-hole", "--offset", `${PAGE}`, "--length", `${CAPACITY}`, path];
    assert(new Deno.Command("fallocate", { args: punch }).outputSync().success);
    fillDisk(dir);
    assertThrows(() => channel.sendSync(message), MappingFaultError);
    assertThrows(() => channel.tryReceive(), MappingFaultError);
    Deno.removeSync(`${dir}/filler`); // who opens the channel reserves what is missing of it
    assertEquals(runPeer(PEER, "receive", path, "{}"), "ConnectionReset");
    assertThrows(() => channel.sendSync(message), MappingFaultError);
    channel.region.repair();
    channel.sendSync(message);
    channel.closeSending();
    assertEquals(runPeer(PEER, "receive", path, "{}"), "100 end");
  },
};

await cases[name]!();
