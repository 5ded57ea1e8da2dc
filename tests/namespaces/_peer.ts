/**
 * A program that uses what `makeThings` has made in a directory, as the lines on its standard input
 * say. Answers each with a line of JSON.
 */

import { formatHandle, MmapRegion } from "@mmap/mmap";
import { Broadcast, Channel, connect, Latest, serve } from "@mmap/mmap/channel";
import { SharedMap } from "@mmap/mmap/collections";
import { Barrier, Condition, Mutex, Once, RwLock } from "@mmap/mmap/sync";
import { enter } from "./_enter.ts";
import { AT } from "./_things.ts";

const dir = Deno.args[0]!;
enter(Deno.args[1] ?? "");
const open = (name: string) => MmapRegion.open(`${dir}/${name}`, { access: "read-write" });
const region = open("sync");
const cells = region.view(Int32Array, AT.cells, 16);
const mutex = new Mutex(region, AT.mutex);
const counting = new Mutex(region, AT.counting);
const written = new RwLock(region, AT.written);
const read = new RwLock(region, AT.read);
const both = new RwLock(region, AT.both);
const once = () => new Once(region, AT.once);
const requests = Channel.over(open("requests"));
const answers = Channel.over(open("answers"));
const shared = Channel.over(open("shared"), 0, { producers: "multiple", consumers: "multiple" });
const feed = Broadcast.create({ path: `${dir}/feed`, capacity: 4096 });
const barrier = new Barrier(region, AT.barrier, 2);
const condition = new Condition(region, AT.condition);
const attended = new Mutex(region, AT.attended);
const latest = Latest.create({ path: `${dir}/latest`, byteLength: 1000 });
const map = SharedMap.open(`${dir}/map`);
const key = `${Deno.uid()} ${performance.timeOrigin} ${crypto.randomUUID()}`;
const oneByte = new Uint8Array(1);

type Action = (...args: string[]) => unknown;

/** Whether something throws an error of a class. */
function throws(error: new (message: string) => Error, action: () => unknown): boolean {
  try {
    action();
    return false;
  } catch (thrown) {
    if (thrown instanceof error) return true;
    throw thrown;
  }
}

async function rejects(
  error: new (message: string) => Error,
  action: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await action();
    return false;
  } catch (thrown) {
    if (thrown instanceof error) return true;
    throw thrown;
  }
}

let let_go = Promise.withResolvers<void>();

const ACTIONS: Readonly<Record<string, Action>> = {
  /** Holds one of everything. */
  hold: async () => {
    const guards = [mutex.lockSync(), written.writeSync(), read.readSync()];
    const running = Promise.withResolvers<void>();
    let_go = Promise.withResolvers();
    once().run(async () => {
      running.resolve();
      await let_go.promise;
      throw new Error("not done");
    }).catch(() => {});
    await running.promise;
    feed.publish(oneByte);
    requests.trySend(oneByte); // is the producer
    answers.tryReceive(); // is the consumer
    release = () => {
      for (const guard of guards) guard.unlock();
      let_go.resolve();
    };
    return "held";
  },
  release: () => release(),
  pid: () => Deno.pid,
  /** Whom it sees holding one of everything. */
  holders: () => [mutex.holder, ...written.holders(), ...read.holders()],
  /** What it gets although somebody else, who lives, has it. */
  steal: async () => {
    const stolen: string[] = [];
    const see = (name: string, got: unknown) => got && stolen.push(name);
    see("mutex", mutex.tryLock());
    see("writer", written.tryWrite() ?? written.tryRead());
    see("reader", read.tryWrite());
    see("mutex", !await rejects(Deno.errors.TimedOut, () => mutex.lock({ timeoutMs: 60 })));
    const run = () => once().run(() => {}, { timeoutMs: 60 });
    see("once", !await rejects(Deno.errors.TimedOut, run));
    see("writer's place", !throws(Deno.errors.Busy, () => feed.publish(oneByte)));
    see("producer's place", !throws(Deno.errors.Busy, () => requests.trySend(oneByte)));
    see("consumer's place", !throws(Deno.errors.Busy, () => answers.tryReceive()));
    return stolen;
  },
  /** What it can get, and learn of, once the holder of everything is dead. */
  inherit: async () => {
    const got: Record<string, unknown> = {};
    const mine = mutex.tryLock();
    const writing = written.tryWrite();
    const alone = read.tryWrite();
    got.mutex = mine?.ownerDied;
    got.writer = writing?.ownerDied;
    got.reader = alone?.ownerDied;
    for (const guard of [mine, writing, alone]) guard?.unlock();
    let runs = 0;
    const again = () => {
      runs++;
      throw new RangeError();
    };
    await rejects(RangeError, () => once().run(again, { timeoutMs: 1 }));
    got.once = runs;
    feed.publish(oneByte);
    return got;
  },
  /** As `inherit`, of the mutex, by waiting for it. */
  wait: async () => (await mutex.lock()).ownerDied,
  waitSync: () => mutex.lockSync().ownerDied,
  /** Which ends of channels it finds dead. */
  lost: async () => {
    await requests.receive();
    const producer = await rejects(Deno.errors.ConnectionReset, () => requests.receive());
    while (answers.trySend(new Uint8Array(1000)));
    const send = () => answers.send(new Uint8Array(1000));
    return [producer, await rejects(Deno.errors.ConnectionReset, send)];
  },
  /** Comes to the barrier, and goes on with what it is told. */
  come: () => void barrier.wait(),
  /** Whether there was another party. */
  meet: async (timeoutMs) => {
    const wait = () => barrier.wait({ timeoutMs: Number(timeoutMs) });
    return !await rejects(Deno.errors.TimedOut, wait);
  },
  /** Waits for the condition, and goes on with what it is told. */
  attend: async () => {
    const guard = await attended.lock();
    notified = condition.wait(guard).then(() => {
      guard.unlock();
      return guard.ownerDied;
    });
  },
  /** Whether the holder of its mutex died meanwhile. */
  notified: () => notified,
  /** Calls all who wait, and keeps the mutex. */
  seize: () => {
    attended.lockSync();
    condition.notifyAll();
  },
  /** Writes the newest value until it is killed. */
  rewrite: () => {
    for (let i = 0;; i++) latest.write(new Uint8Array(1000).fill(i));
  },
  /** Whether a value is whole, and can be written. */
  renew: (value) => {
    const isWhole = new Set(latest.read()).size === 1;
    latest.write(new Uint8Array(1000).fill(Number(value)));
    return isWhole && latest.read()?.[500] === Number(value);
  },
  /** Whether the death of the writer of the feed is told, behind what it had written. */
  followed: async () => {
    using subscription = feed.subscribe({ from: "oldest" });
    await subscription.receive();
    return await rejects(Deno.errors.ConnectionReset, () => subscription.receive());
  },
  /** Counts; only the lock makes it exact. */
  count: (times) => {
    for (let i = 0; i < Number(times); i++) {
      using guard = counting.lockSync();
      if (guard.ownerDied) throw new Error("A living holder was robbed");
      cells[0]!++;
    }
    return "counted";
  },
  /** Writes two cells that readers must never find different. */
  write: (times) => {
    for (let i = 0; i < Number(times); i++) {
      if (i % 2 === 0) {
        using _guard = both.writeSync();
        cells[1]!++;
        for (let j = 0; j < 50; j++) Atomics.pause?.();
        cells[2]!++;
      } else {
        using guard = both.readSync();
        if (guard.ownerDied || cells[1] !== cells[2]) throw new Error("A reader beside a writer");
      }
    }
    return "written";
  },
  send: async (times) => {
    for (let i = 1; i <= Number(times); i++) {
      await shared.send(new Uint8Array(new Float64Array([i]).buffer));
    }
    return "sent";
  },
  receive: async (times) => {
    let sum = 0;
    for (let i = 0; i < Number(times); i++) {
      const message = await shared.receive();
      sum += new Float64Array(message!.slice().buffer)[0]!;
    }
    return sum;
  },
  set: (times) => {
    for (let i = 0; i < Number(times); i++) {
      map.set(`${key} ${i % 50}`, new Uint8Array(8).fill(i));
      if (i % 3 === 0) map.delete(`${key} ${(i + 7) % 50}`);
    }
    map.set(key, oneByte);
    return key;
  },
  /** Changes the map until it is killed. */
  churn: () => {
    for (let i = 0;; i++) {
      map.set(`${key} ${i % 50}`, new Uint8Array(8).fill(i));
      map.delete(`${key} ${(i + 7) % 50}`);
    }
  },
  serve: () => {
    server = serve({ path: `${dir}/server` }, (request) => request.map((byte) => byte + 1));
    return "served";
  },
  /** Waits until its server has so many clients. */
  clients: async (count) => {
    while (server!.clients !== Number(count)) await new Promise((done) => setTimeout(done, 5));
    return server!.clients;
  },
  /** @returns the answer, or the error's name */
  call: async () => {
    try {
      client ??= connect({ path: `${dir}/server` });
      return [...await client.call(oneByte, { timeoutMs: 20_000 })];
    } catch (error) {
      return (error as Error).name;
    }
  },
  reset: async () => {
    const connection = client!;
    client = undefined;
    return await rejects(Deno.errors.ConnectionReset, () => connection.call(oneByte));
  },
  /** A handle of memory without a path. */
  offer: () => {
    const memory = MmapRegion.anonymous(4096);
    offered.push(memory);
    return formatHandle(memory.handle());
  },
  attach: (handle) => {
    try {
      MmapRegion.attach(handle!).close();
      return "attached";
    } catch (error) {
      return (error as Error).name;
    }
  },
  make: (name) => {
    made.push(MmapRegion.named(name!, { createNew: true, byteLength: 100 }));
    return "made";
  },
  owner: (name) => MmapRegion.list().find((info) => info.name === name)?.owner ?? null,
  reap: () => MmapRegion.reap(),
};

let server: ReturnType<typeof serve> | undefined;
let client: ReturnType<typeof connect> | undefined;
let notified: Promise<boolean> | undefined;
let release = (): void => {};
const offered: MmapRegion[] = [];
/** Who forgets a region may lose it. */
const made: MmapRegion[] = [];

console.log("ready");
let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop()!;
  for (const line of lines) {
    const [name, ...args] = line.split(" ");
    console.log(JSON.stringify(await ACTIONS[name!]!(...args) ?? null));
  }
}
Deno.exit();
