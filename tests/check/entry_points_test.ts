/**
 * Every call of the package that takes options refuses those that there are not. The table is
 * compared with the documentation, so that no call is left out.
 */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { followLines, MmapRegion, receiveRegion, sendRegion } from "@mmap/mmap";
import {
  Broadcast,
  Channel,
  Client,
  connect,
  Latest,
  serve,
  serveObject,
  spawnWithChannel,
} from "@mmap/mmap/channel";
import { AppendLog, SharedArray, SharedCache, SharedMap } from "@mmap/mmap/collections";
import { i32, struct } from "@mmap/mmap/struct";
import {
  Barrier,
  Condition,
  Futex,
  Mutex,
  Once,
  RwLock,
  Semaphore,
  SharedEvent,
} from "@mmap/mmap/sync";
import { documentationOf, type DocumentedCall } from "../_documentation.ts";
import { withTempDir } from "../_files.ts";
import { PACKAGE } from "../_package.ts";

/** What the calls work on. Their options come untyped, as from JavaScript. */
interface Things {
  readonly dir: string;
  readonly region: MmapRegion;
  readonly channel: Channel;
  readonly feed: Broadcast;
  readonly log: AppendLog;
}

// deno-lint-ignore no-explicit-any -- what the compiler would refuse is what this is about
type Bag = any;

/** A call, and an option that there is elsewhere and not here. */
type Row = readonly [misplaced: string, call: (options: Bag, things: Things) => unknown];

const Point = struct({ x: i32 });
const bytes = new Uint8Array(1);

/** One in memory of its own. */
function fresh<T>(type: new (region: MmapRegion, byteOffset: number) => T): T {
  return new type(MmapRegion.anonymous(4096), 0);
}

const REGIONS: Record<string, Row> = {
  "MmapRegion.open": ["sharing", (o, { dir }) => MmapRegion.open(dir, o)],
  "MmapRegion.fromFd": ["create", (o) => MmapRegion.fromFd(0, o)],
  "MmapRegion.anonymous": ["flags", (o) => MmapRegion.anonymous(4096, o)],
  "MmapRegion.named": ["byteOffset", (o) => MmapRegion.named("mmap_test_none", o)],
  "MmapRegion.attach": ["create", (o, { region }) => MmapRegion.attach(region.handle(), o)],
  "MmapRegion#readable": ["as", (o, { region }) => region.readable(o)],
  "MmapRegion#count": ["reverse", (o, { region }) => region.count("x", o)],
  "MmapRegion#lines": ["chunkByteLength", (o, { region }) => region.lines(o)],
  "MmapRegion#flushSync": ["access", (o, { region }) => region.flushSync(o)],
  "MmapRegion#flush": ["signal", (o, { region }) => region.flush(o)],
  "MmapRegion#advise": ["durability", (o, { region }) => region.advise("normal", o)],
  "MmapRegion#populateSync": ["durability", (o, { region }) => region.populateSync(o)],
  "MmapRegion#populate": ["durability", (o, { region }) => region.populate(o)],
  "MmapRegion#protect": ["durability", (o, { region }) => region.protect("read", o)],
  "MmapRegion#lockPages": ["durability", (o, { region }) => region.lockPages(o)],
  "MmapRegion#unlockPages": ["durability", (o, { region }) => region.unlockPages(o)],
  "MmapRegion#lock": ["durability", (o, { region }) => region.lock(o)],
  "MmapRegion#unlock": ["durability", (o, { region }) => region.unlock(o)],
  "MmapRegion#residency": ["durability", (o, { region }) => region.residency(o)],
  "MmapRegion#probe": ["durability", (o, { region }) => region.probe(o)],
  "MmapRegion#discard": ["durability", (o, { region }) => region.discard(o)],
  "followLines": ["reverse", (o, { dir }) => followLines(`${dir}/none`, o)],
  "sendRegion": ["access", (o, { dir, region }) => sendRegion(region, `${dir}/socket`, soon(o))],
  "receiveRegion": ["create", (o, { dir }) => receiveRegion(`${dir}/socket`, soon(o))],
};

/** The options of a call that would wait for ever if nothing were wrong with them. */
function soon(options: Bag): Bag {
  return { timeoutMs: 1, ...options };
}

const SYNC: Record<string, Row> = {
  "SharedEvent#constructor": ["timeoutMs", (o, { region }) => new SharedEvent(region, 0, o)],
  "SharedEvent#waitSync": ["signal", (o) => fresh(SharedEvent).waitSync(soon(o))],
  "SharedEvent#wait": ["autoReset", (o) => fresh(SharedEvent).wait(soon(o))],
  "Barrier#waitSync": ["signal", (o, { region }) => new Barrier(region, 0, 2).waitSync(soon(o))],
  "Barrier#wait": ["parties", (o, { region }) => new Barrier(region, 0, 2).wait(soon(o))],
  "Condition#waitSync": ["signal", (o, { region }) => {
    using guard = fresh(Mutex).lockSync();
    new Condition(region, 0).waitSync(guard, soon(o));
  }],
  "Condition#wait": ["guard", async (o, { region }) => {
    using guard = fresh(Mutex).lockSync();
    await new Condition(region, 0).wait(guard, soon(o));
  }],
  "Futex#waitSync": ["signal", (o) => fresh(Futex).waitSync(0, soon(o))],
  "Futex#wait": ["expected", (o) => fresh(Futex).wait(0, soon(o))],
  "Mutex#lockSync": ["signal", (o) => fresh(Mutex).lockSync(soon(o))],
  "Mutex#lock": ["timeout", (o) => fresh(Mutex).lock(soon(o))],
  "Once#runSync": ["signal", (o) => fresh(Once).runSync(() => {}, soon(o))],
  "Once#run": ["fn", (o) => fresh(Once).run(() => {}, soon(o))],
  "RwLock#readSync": ["signal", (o) => fresh(RwLock).readSync(soon(o))],
  "RwLock#read": ["timeout", (o) => fresh(RwLock).read(soon(o))],
  "RwLock#writeSync": ["signal", (o) => fresh(RwLock).writeSync(soon(o))],
  "RwLock#write": ["timeout", (o) => fresh(RwLock).write(soon(o))],
  "ReadGuard#upgradeSync": ["signal", (o) => fresh(RwLock).readSync().upgradeSync(soon(o))],
  "ReadGuard#upgrade": ["timeout", (o) => fresh(RwLock).readSync().upgrade(soon(o))],
  "Semaphore#acquireSync": ["signal", (o) => fresh(Semaphore).acquireSync(soon(o))],
  "Semaphore#acquire": ["max", (o) => fresh(Semaphore).acquire(soon(o))],
};

const CHANNELS: Record<string, Row> = {
  "Channel.create": ["byteLength", (o) => Channel.create({ capacity: 1, ...o })],
  "Channel.over": ["name", (o, { region }) => Channel.over(region, 0, o)],
  "Channel.attach": ["capacity", (o, { channel }) => Channel.attach(channel.handle(), o)],
  "Channel.fromEnv": ["capacity", (o) => Channel.fromEnv("MMAP_TEST_NONE", o)],
  "Channel#sendSync": ["signal", (o, { channel }) => channel.sendSync(bytes, soon(o))],
  "Channel#send": ["pooled", (o, { channel }) => channel.send(bytes, o)],
  "Channel#sendMany": ["max", (o, { channel }) => channel.sendMany([bytes], o)],
  "Channel#receiveSync": ["signal", (o, { channel }) => channel.receiveSync(soon(o))],
  "Channel#receive": ["pooled", (o, { channel }) => channel.receive(soon(o))],
  "Channel#receiveIntoSync": [
    "signal",
    (o, { channel }) => channel.receiveIntoSync(bytes, soon(o)),
  ],
  "Channel#receiveInto": ["target", (o, { channel }) => channel.receiveInto(bytes, soon(o))],
  "Channel#receiveMany": ["max", (o, { channel }) => channel.receiveMany(1, soon(o))],
  "Channel#receiveInPlace": ["max", (o, { channel }) => channel.receiveInPlace(soon(o))],
  "Channel#values": ["wait", (o, { channel }) => channel.values(o)],
  "Values#send": ["encoding", (o, { channel }) => channel.values<number>().send(1, o)],
  "Values#receive": ["encoding", (o, { channel }) => channel.values().receive(soon(o))],
  "StructChannels#create": ["layout", (o) => Channel.of(Point).create({ capacity: 1, ...o })],
  "StructChannels#attach": ["capacity", (o) => {
    using sender = Channel.of(Point).create({ capacity: 1 });
    Channel.of(Point).attach(sender.handle(), o);
  }],
  "StructChannels#fromEnv": ["capacity", (o) => Channel.of(Point).fromEnv("MMAP_TEST_NONE", o)],
  "StructChannel#sendSync": ["signal", (o) => {
    using channel = Channel.of(Point).create({ capacity: 1 });
    channel.sendSync({ x: 1 }, soon(o));
  }],
  "StructChannel#send": ["pooled", async (o) => {
    using channel = Channel.of(Point).create({ capacity: 1 });
    await channel.send({ x: 1 }, o);
  }],
  "StructChannel#receiveSync": ["signal", (o) => {
    using channel = Channel.of(Point).create({ capacity: 1 });
    channel.receiveSync(soon(o));
  }],
  "StructChannel#receiveInPlace": ["max", async (o) => {
    using channel = Channel.of(Point).create({ capacity: 1 });
    await channel.receiveInPlace(soon(o));
  }],
  "StructChannel#receive": ["pooled", async (o) => {
    using channel = Channel.of(Point).create({ capacity: 1 });
    await channel.receive(soon(o));
  }],
  "spawnWithChannel": ["args", (o) => spawnWithChannel("/bin/true", [], o)],
};

const FEEDS_AND_CALLS: Record<string, Row> = {
  "Broadcast.create": ["producers", (o) => Broadcast.create({ capacity: 1, ...o })],
  "Broadcast.attach": ["capacity", (o, { feed }) => Broadcast.attach(feed.handle(), o)],
  "Broadcast.fromEnv": ["capacity", (o) => Broadcast.fromEnv("MMAP_TEST_NONE", o)],
  "Broadcast#subscribe": ["pooled", (o, { feed }) => feed.subscribe(o)],
  "Subscription#receiveSync": ["signal", (o, { feed }) => feed.subscribe().receiveSync(soon(o))],
  "Subscription#receive": ["from", (o, { feed }) => feed.subscribe().receive(soon(o))],
  "Latest.create": ["capacity", (o) => Latest.create({ byteLength: 1, ...o })],
  "Latest#changed": ["byteLength", async (o) => {
    using latest = Latest.create({ byteLength: 1 });
    await latest.changed(soon(o));
  }],
  "serve": ["timeoutMs", (o) => serve(o, () => bytes)],
  "serveObject": ["timeoutMs", (o) => serveObject(o, { echo: () => 1 })],
  "connect": ["signal", (o, { region }) => connect(region.handle(), o)],
  "Client.fromEnv": ["signal", (o, { region }) => {
    Deno.env.set("MMAP_TEST_OPTIONS", JSON.stringify(region));
    try {
      Client.fromEnv("MMAP_TEST_OPTIONS", o);
    } finally {
      Deno.env.delete("MMAP_TEST_OPTIONS");
    }
  }],
  "Client#call": ["capacity", async (o) => {
    await using server = serve({}, () => bytes);
    await using client = connect(server.handle());
    await client.call(bytes, o);
  }],
  "Client#object": ["capacity", async (o) => {
    await using server = serve({}, () => bytes);
    await using client = connect(server.handle());
    client.object(o);
  }],
};

/** Gives a new cache to a call. */
function withCache(use: (cache: SharedCache, options: Bag) => unknown): Row[1] {
  return async (options) => {
    using region = MmapRegion.anonymous(65536);
    using cache = SharedCache.open(region);
    await use(cache, options);
  };
}

const CACHES: Record<string, Row> = {
  "SharedCache.open": ["capacity", (o, { dir }) => SharedCache.open(`${dir}/none`, o)],
  "SharedCache.byteLength": ["shards", (o) => SharedCache.byteLength({ entries: 1, ...o })],
  "SharedCache#getEntry": ["ttl", withCache((cache, o) => cache.getEntry("key", o))],
  "SharedCache#set": ["initial", withCache((cache, o) => cache.set("key", bytes, o))],
  "SharedCache#update": ["if", withCache((cache, o) => cache.update("key", () => bytes, o))],
  "SharedCache#increment": ["staleFor", withCache((cache, o) => cache.increment("key", 1, o))],
  "SharedCache#compareAndSet": [
    "if",
    withCache((cache, o) => cache.compareAndSet("key", 1, bytes, o)),
  ],
  "SharedCache#getOrCompute": [
    "timeoutMs",
    withCache((cache, o) => cache.getOrCompute("key", () => bytes, o)),
  ],
  "SharedCache#namespace": ["byteLength", withCache((cache, o) => cache.namespace("name", o))],
};

const COLLECTIONS: Record<string, Row> = {
  "AppendLog.open": ["capacity", (o, { dir }) => AppendLog.open(`${dir}/none`, o)],
  "AppendLog#commit": ["from", (o, { log }) => log.commit(o)],
  "AppendLog#entries": ["signal", (o, { log }) => log.entries(o)],
  "AppendLog#follow": ["to", (o, { log }) => log.follow(o)],
  "SharedMap.open": ["length", (o, { dir }) => SharedMap.open(`${dir}/none`, o)],
  "SharedMap.byteLength": ["length", (o) => SharedMap.byteLength(o)],
  "TypedMaps#open": [
    "valueByteLength",
    (o, { dir }) => SharedMap.of(i32).open(`${dir}/none`, o),
  ],
  "TypedMaps#byteLength": ["valueByteLength", (o) => SharedMap.of(i32).byteLength(o)],
  "SharedMap#commit": ["access", (o, { dir }) => {
    using map = SharedMap.open(`${dir}/map`, { create: true });
    map.commit(o);
  }],
  "SharedArray.open": ["capacity", (o, { dir }) => SharedArray.open(`${dir}/none`, i32, o)],
  "SharedArray#commit": ["access", (o, { dir }) => {
    using array = SharedArray.open(`${dir}/array`, i32, { create: true });
    array.commit(o);
  }],
};

const ROWS: Record<string, Row> = {
  ...REGIONS,
  ...SYNC,
  ...CHANNELS,
  ...FEEDS_AND_CALLS,
  ...COLLECTIONS,
  ...CACHES,
  "Struct#array": ["count", (o, { region }) => Point.array(region, o)],
};

/** Gives a call what it may need; all of it is closed afterwards. */
async function withThings(body: (things: Things) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    using region = MmapRegion.anonymous(3 * 4096);
    using channel = Channel.create({ capacity: 1 });
    using feed = Broadcast.create({ capacity: 1 });
    using log = AppendLog.open(`${dir}/log`, { create: true });
    await body({ dir, region, channel, feed, log });
  });
}

for (const [name, [misplaced, call]] of Object.entries(ROWS)) {
  Deno.test(`${name} throws TypeError that names an option that there is not, or not here`, async () => {
    await withThings(async (things) => {
      for (const option of ["flagz", misplaced]) {
        for (const value of [1, undefined]) {
          const act = async () => await call({ [option]: value }, things);
          const error = await assertRejects(act, TypeError);
          assertMatch(
            error.message,
            new RegExp(`^Cannot .+ as there is no option '${option}' here$`),
          );
        }
      }
    });
  });
}

Deno.test("connect() and spawnWithChannel() look into the bags in their bags", async () => {
  const place = { name: "mmap_test_none", flagz: 1 };
  const shape: Bag = { channel: { name: "mmap_test_none" } };
  for (const act of [() => connect(place), () => spawnWithChannel("/bin/true", [], shape)]) {
    // deno-lint-ignore require-await -- what is thrown becomes a rejection
    const error = await assertRejects(async () => act(), TypeError);
    assertMatch(error.message, /^Cannot .+ as there is no option '(flagz|name)' here$/);
  }
});

/** Whether a call takes options of this package. */
function takesOptions({ params }: DocumentedCall): boolean {
  const text = JSON.stringify(params);
  return /"typeName":"(?!Deno\.)\w*(Options|Range)"/.test(text);
}

Deno.test("The table of calls with options has all that the documentation has", async () => {
  const names = new Set<string>();
  for (const entry of Object.keys(PACKAGE.exports)) {
    for (const { name, kind, constructors, calls } of await documentationOf(entry)) {
      const made = constructors.map((constructor) => ({
        name: "constructor",
        isStatic: false,
        params: constructor.params as DocumentedCall["params"],
        text: undefined,
      }));
      for (const call of [...calls, ...made].filter(takesOptions)) {
        const isFunction = kind === "function";
        names.add(isFunction ? name : `${name}${call.isStatic ? "." : "#"}${call.name}`);
      }
    }
  }
  assertEquals(Object.keys(ROWS).sort(), [...names].sort());
});
