/** Memory, files and limits that work against a channel: errors, and never a crash or a hang. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { LIST_LOCK } from "../../src/channel/queue/queue_layout.ts";
import { guard } from "../_capabilities.ts";
import { resultOf, runChild } from "../_child.ts";
import { withTempDir } from "../_files.ts";
import { bytes, openPair, textOf } from "./_channels.ts";

const { BadResource, InvalidData } = Deno.errors;

const FILE_PEERS = new URL("_file_peers.ts", import.meta.url);
const RANDOM_HEADERS = new URL("_random_headers.ts", import.meta.url);

Deno.test("Channel survives random values anywhere in its memory", async () => {
  for (const seed of [12345, 987654321]) {
    const seen = await resultOf(RANDOM_HEADERS, { args: ["overwrite", seed] });
    assert(seen.InvalidData > 0 && seen.AlreadyExists > 0, JSON.stringify(seen));
  }
});

Deno.test("Channel.receive() waits while another thread holds a lock for ever", async () => {
  using channel = Channel.create({ capacity: 4096, consumers: "multiple" });
  const words = channel.region.view(Int32Array);
  words[96] = 1; // process 1 lives
  await assertRejects(() => channel.receive({ timeoutMs: 120 }), Deno.errors.TimedOut);
  assertEquals(channel.tryReceive(), null);
  words[96] = 0x3fffffff; // nobody has that number
  channel.sendSync(bytes("a"));
  assertEquals(textOf(await channel.receive()), "a");
});

Deno.test("Channel.receive() times out while somebody who is stopped holds the list", async () => {
  using pair = openPair();
  const { sender, receiver } = pair;
  sender.sendSync(bytes("a"));
  assertEquals(textOf(receiver.tryReceive()), "a");
  const words = sender.region.view(Int32Array);
  words[LIST_LOCK] = 1; // process 1 lives
  try {
    await assertRejects(() => receiver.receive({ timeoutMs: 120 }), Deno.errors.TimedOut);
    assertThrows(() => receiver.receiveSync({ timeoutMs: 120 }), Deno.errors.TimedOut);
    sender.sendSync(bytes("b"));
    assertEquals(textOf(receiver.tryReceive()), "b");
  } finally {
    words[LIST_LOCK] = 0;
  }
});

Deno.test("Channel calls that wait end when their region is closed under them", async () => {
  const region = MmapRegion.anonymous(8192);
  const channel = Channel.over(region);
  const receiving = assertRejects(() => channel.receive(), BadResource);
  const queued = assertRejects(() => channel.receive(), BadResource);
  using slot = channel.reserve(10)!;
  region.close();
  await receiving;
  await queued;
  assertEquals(slot.bytes.length, 0);
  assertThrows(() => slot.commit(), BadResource);
  assertThrows(() => channel.trySend(bytes("a")), BadResource);
  assertThrows(() => channel.tryReceive(), BadResource);
  channel.close();
  channel.close();
});

Deno.test("Channel can be closed in the middle of everything", async () => {
  using pair = openPair();
  const { sender, receiver } = pair;
  sender.sendSync(bytes("a"));
  const message = receiver.peek()!;
  const slot = sender.reserve(5)!;
  receiver.close();
  receiver.close();
  message[Symbol.dispose]();
  sender.close();
  slot[Symbol.dispose]();
  assertThrows(() => slot.commit(1), BadResource);
  assertEquals(message.bytes.length, 0);
  await assertRejects(() => receiver.receive(), BadResource);
  await assertRejects(() => sender.sendMany([bytes("a")]), BadResource);
});

Deno.test("Channel takes options whose getters throw or close it", async () => {
  using pair = openPair();
  const { sender, receiver } = pair;
  class Failure extends Error {}
  const throwing = {
    get timeoutMs(): number {
      throw new Failure();
    },
  };
  assertThrows(() => sender.sendSync(bytes("a"), throwing), Failure);
  await assertRejects(() => receiver.receive(throwing), Failure);
  await assertRejects(() => sender.sendMany([], throwing), Failure);
  sender.sendSync(bytes("a"));
  const closing = {
    get timeoutMs(): number {
      receiver.close();
      return 1000;
    },
  };
  await assertRejects(() => receiver.receive(closing), BadResource);
  using region = MmapRegion.anonymous(8192);
  const closesRegion = {
    get wait(): "block" {
      region.close();
      return "block";
    },
  };
  assertThrows(() => Channel.over(region, 0, closesRegion), BadResource);
});

Deno.test("Channel sends the bytes of whatever is a Uint8Array, and only these", async () => {
  using pair = openPair();
  const { sender, receiver } = pair;
  class Liar extends Uint8Array<ArrayBuffer> {
    override get length(): number {
      return 1e9;
    }
    override get byteLength(): number {
      return -1;
    }
    override subarray(): Uint8Array<ArrayBuffer> {
      throw new Error("called");
    }
    override set(): void {
      throw new Error("called");
    }
  }
  for (const count of [3, 300]) {
    const expected = new Uint8Array(count).fill(count);
    const liar = new Liar(new ArrayBuffer(count));
    Uint8Array.prototype.set.call(liar, expected);
    const shared = new Uint8Array(new SharedArrayBuffer(count));
    shared.set(expected);
    const resizable = new Uint8Array(new ArrayBuffer(count, { maxByteLength: 5000 }));
    resizable.set(expected);
    for (const message of [liar, shared, resizable]) {
      assert(sender.trySend(message));
      assertEquals(receiver.tryReceive(), expected);
      await sender.sendMany([message]);
      assertEquals(receiver.tryReceive(), expected);
    }
  }
  const detached = new Uint8Array(100);
  detached.buffer.transfer();
  assert(sender.trySend(detached));
  assertEquals(receiver.tryReceive(), new Uint8Array(0));
  const fakes = [Object.create(Uint8Array.prototype), new Proxy(new Uint8Array(3), {})];
  for (const fake of fakes) assertThrows(() => sender.trySend(fake), TypeError);
  assertEquals(receiver.tryReceive(), null);
});

Deno.test("Channel over a truncated file ends in an error and crashes nobody", guard, async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "channel");
    const { success, stdout, stderr } = await runChild(FILE_PEERS, {
      args: ["useTruncated", path],
    });
    assert(success, stderr);
    // What was cut off reads as zeros, which would be messages of no bytes. Closing throws nothing.
    assertEquals(JSON.parse(stdout), Array.from({ length: 41 }, () => "MappingFaultError"));
  });
});

Deno.test("Channel.create() throws what the system says if there are no descriptors left", async () => {
  const { success, stdout, stderr } = await runChild(FILE_PEERS, {
    args: ["createMany"],
    ...Deno.build.os === "windows" ? {} : { ulimit: "ulimit -n 60" },
  });
  assert(success, stderr);
  assertEquals(stdout, "EMFILE\n1\nTimedOut\n");
});

Deno.test("Channel.attach() throws InvalidData for a channel whose maker died before it was one", () => {
  using region = MmapRegion.anonymous(8192);
  // So far had it come: it holds the lock, and has written all but the magic number.
  region.view(Int32Array).set([0x3ffffff0, 77, 0, 1, 4096, 1]);
  assertThrows(() => Channel.attach(region.handle()), InvalidData);
  using made = Channel.over(region, 0, { capacity: 4096 });
  made.sendSync(bytes("a"));
  using other = Channel.attach(region.handle());
  assertEquals(textOf(other.tryReceive()), "a");
});
