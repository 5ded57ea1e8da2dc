/**
 * A process that loses pages of a file in which a channel lies, because another one truncates it or
 * the disk is full. Run with the name of a case and a directory.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { Broadcast, Channel, connect, Latest, serve } from "@mmap/mmap/channel";
import { assertLost, fresh, runPeer, touch, truncate, truncateMeanwhile } from "../_losing.ts";
import { BROADCAST_CALLS, CHANNEL_CALLS, LATE, LATEST_CALLS, message } from "./_lost_calls.ts";
import { fillDisk } from "../_fill_disk.ts";
import { runLinux } from "../_host.ts";
import { PAGE } from "../_pages.ts";

const [name, dir] = Deno.args as [string, string];
const path = `${dir}/channel`;
const PEER = import.meta.resolve("./_lost_peer.ts");

const CAPACITY = 4 * PAGE;
const WHOLE = PAGE + CAPACITY;
const MANY = { producers: "multiple", consumers: "multiple" } as const;

/** Makes each call on one of its own, before and after the pages are lost for sure. */
async function assertCallsLose<T extends { region: MmapRegion; close(): void }>(
  make: () => T,
  calls: Record<string, (made: T) => unknown>,
  left: number,
): Promise<void> {
  for (const [what, call] of Object.entries(calls)) {
    const made = fresh(path, make);
    truncate(path, left);
    touch(made.region);
    for (let i = 0; i < 2; i++) {
      await assertLost(path, `${what}, ${left} bytes left`, () => call(made));
    }
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
        using channel = fresh(path, () => Channel.create({ path, capacity: CAPACITY, ...shape }));
        for (let i = 0; i < 10; i++) channel.sendSync(message);
        truncate(path, PAGE);
        await assertLost(path, call, () => CHANNEL_CALLS[call]!(channel));
      }
      using channel = fresh(path, () => Channel.create({ path, capacity: CAPACITY, ...shape }));
      truncate(path, PAGE);
      await assertLost(path, "trySend", () => channel.trySend(message));
    }
    {
      using feed = fresh(path, () => Broadcast.create({ path, capacity: CAPACITY }));
      using subscription = feed.subscribe();
      for (let i = 0; i < 10; i++) feed.publish(message);
      truncate(path, PAGE);
      await assertLost(path, "subscription", () => subscription.tryReceive());
      await assertLost(path, "subscription", () => subscription.receiveSync(LATE));
      await assertLost(path, "subscription", () => subscription.receive(LATE));
    }
    using latest = fresh(path, () => Latest.create({ path, byteLength: message.length }));
    latest.write(message);
    truncate(path, PAGE);
    await assertLost(path, "latest", () => latest.read());
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
      const [made, wait] = fresh(path, begin);
      const truncating = truncateMeanwhile(path, 0);
      await assertLost(path, what, wait);
      await truncating;
      made[Symbol.dispose]();
    }
  },

  async "others learn of it as of a death, and repair heals"(): Promise<void> {
    for (const shape of [{}, MANY]) {
      using channel = fresh(path, () => Channel.create({ path, capacity: CAPACITY, ...shape }));
      channel.sendSync(message);
      assertEquals(channel.tryReceive(), message);
      truncate(path, PAGE);
      await assertLost(path, "send", () => channel.sendSync(message));
      truncate(path, WHOLE);
      assertEquals(runPeer(PEER, "receive", path, JSON.stringify(shape)), "ConnectionReset");
      await assertLost(path, "send before repair", () => channel.sendSync(message));
      channel.region.repair();
      channel.sendSync(message);
      channel.sendSync(message);
      assertEquals(channel.stats().producers, [Deno.pid]);
      channel.closeSending();
      assertEquals(runPeer(PEER, "receive", path, JSON.stringify(shape)), "100 100 end");
    }
  },

  "closing leaves it to others"(): void {
    const channel = fresh(path, () => Channel.create({ path, capacity: CAPACITY }));
    channel.sendSync(message);
    assertEquals(channel.tryReceive(), message);
    truncate(path, PAGE);
    assertThrows(() => channel.sendSync(message), MappingFaultError);
    truncate(path, WHOLE);
    channel.close();
    assertEquals(runPeer(PEER, "receive", path, "{}"), "ConnectionReset");
    // Nor does it take away what another one has by now.
    const former = fresh(path, () => Channel.create({ path, capacity: CAPACITY }));
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
    using channel = fresh(path, () => Channel.create({ path, capacity: CAPACITY, ...MANY }));
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
    using feed = fresh(path, () => Broadcast.create({ path, capacity: CAPACITY }));
    feed.publish(message);
    truncate(path, PAGE);
    assertThrows(() => feed.publish(message), MappingFaultError);
    truncate(path, WHOLE);
    assertEquals(runPeer(PEER, "publish", path, "{}"), "published");
    feed.region.repair();
    assertThrows(() => feed.publish(message), Deno.errors.BrokenPipe); // the other one has closed it
  },

  async "a server closes"(): Promise<void> {
    const server = fresh(path, () => serve({ path }, (request) => request));
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

  async "no page can be had on a full disk"(): Promise<void> {
    using channel = Channel.create({ path, capacity: CAPACITY });
    // Whatever was reserved, another process takes it away again.
    const punch = ["--punch-hole", "--offset", `${PAGE}`, "--length", `${CAPACITY}`, path];
    assert((await runLinux("fallocate", punch)).success);
    await fillDisk(dir);
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
