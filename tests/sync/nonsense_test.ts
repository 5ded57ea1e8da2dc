/** Words that none of the algorithms has written: an error that says so, and nothing held. */

import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import {
  Barrier,
  Condition,
  Mutex,
  Once,
  RwLock,
  Semaphore,
  SharedEvent,
  type SyncMemory,
} from "@mmap/mmap/sync";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";

const { Busy, InvalidData, TimedOut } = Deno.errors;

/** A class, what one can do with it, and how to see that nobody holds it. */
interface Kind {
  /** The words that mean something. */
  readonly words: readonly number[];
  /** Each gives back what it gets. None may wait for longer than 5 ms. */
  readonly calls: (memory: SyncMemory) => Record<string, () => unknown>;
  /** Whether it could be had at once. */
  readonly isFree: (memory: SyncMemory) => boolean;
}

const brief = { timeoutMs: 5 };

const KINDS: Readonly<Record<string, Kind>> = {
  Mutex: {
    words: [0, 1],
    calls: (memory) => {
      const mutex = new Mutex(memory);
      return {
        tryLock: () => mutex.tryLock()?.unlock(),
        lockSync: () => mutex.lockSync(brief).unlock(),
        lock: async () => (await mutex.lock(brief)).unlock(),
        locked: () => mutex.locked,
      };
    },
    isFree: (memory) => take(new Mutex(memory).tryLock()),
  },
  RwLock: {
    words: [0, 1, 2, 3, 15, 16, 17, 18, 254, 255],
    calls: (memory) => {
      const lock = new RwLock(memory);
      const reading = async (upgrade: (guard: ReturnType<RwLock["readSync"]>) => unknown) => {
        const guard = lock.tryRead();
        try {
          if (guard !== null) await upgrade(guard);
        } finally {
          guard?.unlock();
        }
      };
      return {
        tryRead: () => lock.tryRead()?.unlock(),
        readSync: () => lock.readSync(brief).unlock(),
        read: async () => (await lock.read(brief)).unlock(),
        tryWrite: () => lock.tryWrite()?.unlock(),
        writeSync: () => lock.writeSync(brief).unlock(),
        write: async () => (await lock.write(brief)).unlock(),
        tryUpgrade: () => reading((guard) => guard.tryUpgrade()?.unlock()),
        upgradeSync: () => reading((guard) => guard.upgradeSync(brief).unlock()),
        upgrade: () => reading(async (guard) => (await guard.upgrade(brief)).unlock()),
      };
    },
    isFree: (memory) => take(new RwLock(memory).tryWrite()),
  },
  Semaphore: {
    words: [0, 1],
    calls: (memory) => {
      const semaphore = new Semaphore(memory);
      return {
        tryAcquire: () => semaphore.tryAcquire(),
        acquireSync: () => semaphore.acquireSync(brief),
        acquire: () => semaphore.acquire(brief),
        count: () => semaphore.count,
      };
    },
    isFree: () => true,
  },
  SharedEvent: {
    words: [0, 1],
    calls: (memory) => {
      const event = new SharedEvent(memory);
      const auto = new SharedEvent(memory, 0, { autoReset: true });
      return {
        waitSync: () => event.waitSync(brief),
        wait: () => event.wait(brief),
        "waitSync, resetting": () => auto.waitSync(brief),
        "wait, resetting": () => auto.wait(brief),
        isSet: () => event.isSet,
      };
    },
    isFree: () => true,
  },
  Condition: {
    words: [0, 1],
    calls: (memory) => {
      const condition = new Condition(memory);
      const mutex = new Mutex(memory, 1024);
      return {
        waitSync: () => {
          using guard = mutex.lockSync();
          condition.waitSync(guard, brief);
        },
        wait: async () => {
          using guard = mutex.lockSync();
          await condition.wait(guard, brief);
        },
        notify: () => condition.notify(),
      };
    },
    isFree: (memory) => take(new Mutex(memory, 1024).tryLock()),
  },
  Once: {
    words: [0, 1, 2],
    calls: (memory) => {
      const once = new Once(memory);
      const fail = () => {
        throw new TimedOut("not done");
      };
      return { runSync: () => once.runSync(fail, brief), run: () => once.run(fail, brief) };
    },
    isFree: (memory) => new Once(memory).runSync(() => {}, { timeoutMs: 0 }),
  },
  Barrier: {
    words: [0, 1, 2, 3, 15, 16, 17, 18, 254, 255],
    calls: (memory) => {
      const barrier = new Barrier(memory, 0, 3);
      return { waitSync: () => barrier.waitSync(brief), wait: () => barrier.wait(brief) };
    },
    isFree: (memory) => new Barrier(memory, 0, 1).waitSync({ timeoutMs: 0 }),
  },
};

function take(guard: Disposable | null): boolean {
  guard?.[Symbol.dispose]();
  return guard !== null;
}

const VALUES = [
  1,
  2,
  7,
  -1,
  -5,
  0x3fffffff,
  0x40000000,
  -0x80000000,
  -0x40000000,
  0x7ffffff0,
  0x7fffffff,
  0x12345678,
  0x2fedcba9,
  -0x12345678,
];

/** What a call may end with; anything else is a fault of this module's. */
async function check(name: string, call: () => unknown): Promise<void> {
  try {
    await call();
  } catch (error) {
    const isTold = [InvalidData, TimedOut, Busy].some((type) => error instanceof type);
    if (!isTold) throw new Error(`${name}: ${error}`, { cause: error });
  }
}

/** Damages words, makes one call, mends what was damaged, and looks whether anything is held. */
async function checkCall(
  kindName: string,
  callName: string,
  memory: SyncMemory,
  words: Int32Array,
  damage: readonly (readonly [index: number, value: number])[],
): Promise<void> {
  const { calls, isFree } = KINDS[kindName]!;
  words.fill(0);
  for (const [index, value] of damage) words[index] = value;
  const name = `${kindName}.${callName} with ${damage.map((pair) => pair.join(": "))}`;
  await check(name, calls(memory)[callName]!);
  // What nobody else has written is as it was; what this isolate has taken would still be there.
  for (const [index] of damage) words[index] = 0;
  assert(isFree(memory), `${name} left something held: ${words.slice(0, 20)}`);
}

for (const [name, { words: indices, calls }] of Object.entries(KINDS)) {
  Deno.test(`${name} with nonsense in one of its words says so, and holds nothing`, async () => {
    using region = MmapRegion.anonymous(4096);
    const words = region.view(Int32Array);
    for (const callName of Object.keys(calls(region))) {
      for (const index of indices) {
        for (const value of VALUES) {
          await checkCall(name, callName, region, words, [[index, value]]);
        }
      }
    }
  });

  Deno.test(`${name} with nonsense in several of its words says so, and holds nothing`, async () => {
    using region = MmapRegion.anonymous(4096);
    const words = region.view(Int32Array);
    const random = (count: number) => crypto.getRandomValues(new Uint32Array(1))[0]! % count;
    for (const callName of Object.keys(calls(region))) {
      for (let i = 0; i < 60; i++) {
        const damage = indices.filter(() => random(2) === 0).map((index) =>
          [index, random(2) === 0 ? random(2 ** 32) | 0 : VALUES[random(VALUES.length)]!] as const
        );
        await checkCall(name, callName, region, words, damage);
      }
    }
  });
}

Deno.test("RwLock and Barrier with a list that is full and was never reached say so", async () => {
  using region = MmapRegion.anonymous(4096);
  const words = region.view(Int32Array);
  const fill = () => words.fill(0).fill(5, 16, 256);
  const lock = new RwLock(region);
  fill();
  assertThrows(() => lock.tryRead(), InvalidData, "damaged");
  fill();
  assertThrows(() => lock.readSync({ timeoutMs: 5 }), InvalidData);
  fill();
  await assertRejects(() => new Barrier(region, 0, 3).wait({ timeoutMs: 5 }), InvalidData);
  assertEquals(words[0], 0);
});

Deno.test("words with nonsense in a SharedArrayBuffer are InvalidData as well", () => {
  const memory = new SharedArrayBuffer(4096);
  const words = new Int32Array(memory);
  words[0] = 0x40000000;
  assertThrows(() => new Mutex(memory).tryLock(), InvalidData);
  words.fill(0).set([18, -1], 15);
  assertThrows(() => new RwLock(memory).tryWrite(), InvalidData);
  assertEquals(words[0], 0);
});

Deno.test("Once, Semaphore and SharedEvent never take nonsense for done, a count or a state", () => {
  using region = MmapRegion.anonymous(4096);
  const words = region.view(Int32Array);
  words[2] = 7;
  assertThrows(() => new Once(region).runSync(() => {}), InvalidData, "once");
  words.fill(0);
  words[0] = -1;
  const semaphore = new Semaphore(region);
  assertThrows(() => semaphore.acquireSync(brief), InvalidData, "semaphore");
  assertThrows(() => semaphore.release(), InvalidData);
  words[0] = 7;
  assertThrows(() => new SharedEvent(region).waitSync(brief), InvalidData, "event");
  new SharedEvent(region).reset();
  assertEquals(new SharedEvent(region).isSet, false);
});

Deno.test("Channel with an impossible number in its list of ends says so", () => {
  const SECOND_END = 132; // the first is its own
  for (const number of [-1, 0x40000000, 0x7fffffff]) {
    using region = MmapRegion.anonymous(8192);
    using channel = Channel.over(region);
    const words = region.view(Int32Array);
    words.set([number, 5, 5, 3], SECOND_END); // of both roles
    assertThrows(() => channel.trySend(new Uint8Array(1)), InvalidData, "damaged");
    words.fill(0, SECOND_END, SECOND_END + 4);
    assertEquals(channel.trySend(new Uint8Array(1)), true);
  }
});
