/** Waits that come to nothing, however that comes: they leave nothing behind. */

import { MmapRegion } from "@mmap/mmap";
import {
  Barrier,
  Condition,
  Mutex,
  Once,
  RwLock,
  Semaphore,
  SharedEvent,
  type WaitOptions,
} from "@mmap/mmap/sync";
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { withMovable } from "../_regions.ts";
import { type Attempt, attemptAsync } from "../../src/wait/attempt.ts";
import { BufferWords } from "../../src/wait/buffer_words.ts";
import { liveTokens } from "../_capabilities.ts";
import { Child } from "../_child.ts";
import { withLocks } from "./_without_locks.ts";

const { BadResource, TimedOut } = Deno.errors;

/** What is in the way of a wait, and the wait itself. */
interface Wait {
  /** Gets in the way, through another region. @returns what ends that */
  readonly block?: (other: MmapRegion) => () => unknown;
  /** Waits at the same place for ever. */
  readonly wait: (region: MmapRegion, options: WaitOptions) => Promise<unknown>;
  /** The words that may have changed for good: they count something, or are a hint. */
  readonly counters?: readonly number[];
}

const DRAIN = 2;
const LIST_END = 15;
const LIST_ROUND = 3;

/** Every wait there is. */
const WAITS: Readonly<Record<string, Wait>> = {
  "Mutex.lock()": {
    block: (other) => {
      const guard = new Mutex(other).lockSync();
      return () => guard.unlock();
    },
    wait: (region, options) => new Mutex(region).lock(options),
  },
  "RwLock.read()": {
    block: (other) => {
      const guard = new RwLock(other).writeSync();
      return () => guard.unlock();
    },
    wait: (region, options) => new RwLock(region).read(options),
    counters: [LIST_END],
  },
  "RwLock.write() for a writer": {
    block: (other) => {
      const guard = new RwLock(other).writeSync();
      return () => guard.unlock();
    },
    wait: (region, options) => new RwLock(region).write(options),
  },
  "RwLock.write() for a reader": {
    block: (other) => {
      const guard = new RwLock(other).readSync();
      return () => guard.unlock();
    },
    wait: (region, options) => new RwLock(region).write(options),
    counters: [DRAIN, LIST_END],
  },
  "ReadGuard.upgrade()": {
    block: (other) => {
      const guard = new RwLock(other).readSync();
      return () => guard.unlock();
    },
    wait: async (region, options) => {
      const guard = new RwLock(region).readSync();
      try {
        await guard.upgrade(options);
      } finally {
        if (!region.closed) guard.unlock();
      }
    },
    counters: [DRAIN, LIST_END],
  },
  "Semaphore.acquire()": {
    wait: (region, options) => new Semaphore(region).acquire(options),
  },
  "SharedEvent.wait()": {
    wait: (region, options) => new SharedEvent(region).wait(options),
  },
  "Barrier.wait()": {
    wait: (region, options) => new Barrier(region, 0, 2).wait(options),
    counters: [LIST_ROUND, LIST_END],
  },
  "Condition.wait()": {
    wait: async (region, options) => {
      const guard = new Mutex(region, 1024).lockSync();
      try {
        await new Condition(region).wait(guard, options);
      } finally {
        guard.unlock();
      }
    },
  },
  "Once.run() for another one": {
    block: (other) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const running = new Once(other).run(async () => {
        await promise;
        throw new RangeError("not done");
      });
      return () => {
        resolve();
        return assertRejects(() => running, RangeError);
      };
    },
    wait: (region, options) => new Once(region).run(() => {}, options),
  },
};

/** How a wait is ended; `end` is called once it is under way. */
const ENDS: Readonly<
  Record<string, {
    readonly options?: WaitOptions;
    readonly signal?: boolean;
    readonly end: (region: MmapRegion, controller: AbortController) => void;
    readonly error: new (message: string) => Error;
  }>
> = {
  "times out": { options: { timeoutMs: 20 }, end: () => {}, error: TimedOut },
  "is aborted": {
    signal: true,
    end: (_, controller) => controller.abort(new RangeError("enough")),
    error: RangeError,
  },
  "loses its region": { end: (region) => region.close(), error: BadResource },
};

/** What is not as in the beginning, counters left out. */
function leftIn(words: Int32Array, counters: readonly number[] = []): string[] {
  return [...words].flatMap((word, i) =>
    word === 0 || counters.includes(i) ? [] : [`word ${i}: ${word}`]
  );
}

for (const there of [true, false]) {
  for (const [name, { block, wait, counters }] of Object.entries(WAITS)) {
    for (const [how, { options, signal, end, error }] of Object.entries(ENDS)) {
      // Who reads holds a guard, and only the kernel's locks tell that it is given up.
      if (!there && name === "ReadGuard.upgrade()" && error === BadResource) continue;
      Deno.test({
        name: `${name} that ${how} leaves nothing behind, ${there ? "with" : "without"} file locks`,
        ignore: there && liveTokens.ignore,
        fn: () =>
          withLocks(there, async () => {
            using other = MmapRegion.anonymous(4096);
            using region = MmapRegion.attach(other.handle());
            const words = other.view(Int32Array, 0, 512);
            const unblock = block?.(other);
            const controller = new AbortController();
            const waiting = wait(region, signal ? { signal: controller.signal } : options ?? {});
            await Promise.resolve();
            end(region, controller);
            if (region.closed && name === "ReadGuard.upgrade()") {
              // The writer's word is given back by itself, the guard by who looks next.
              assertEquals(words[0], 0);
              assertEquals(new RwLock(other).tryWrite(), null);
            }
            await assertRejects(() => waiting, error);
            await unblock?.();
            using _writer = name === "ReadGuard.upgrade()" ? new RwLock(other).tryWrite()! : null;
            _writer?.unlock();
            assertEquals(leftIn(words, counters), []);
          }),
      });
    }
  }
}

Deno.test({
  name: "a region that is closed while it waits shuts no other process out",
  fn: async () => {
    using shared = MmapRegion.anonymous(8192);
    await using child = new Child(new URL("_held_peer.ts", import.meta.url), {
      args: [true],
      env: shared.env(),
    });
    assertMatch(await child.readLine(), /^held/);
    const lost: Promise<unknown>[] = [];
    const lose = (waiting: Promise<unknown>) =>
      lost.push(assertRejects(() => waiting, BadResource));
    {
      using mine = MmapRegion.attach(shared.handle());
      lose(new RwLock(mine).write());
      lose(new Mutex(mine, 2048).lock());
      lose(new Barrier(mine, 4096, 2).wait());
      await Promise.resolve();
      assert(shared.view(Int32Array)[0] !== 0); // half taken
    }
    await child.writeLine("");
    assertEquals(await child.readLine(), "[false,false]");
    await Promise.all(lost);
    const leader = await new Barrier(shared, 4096, 2).wait();
    assertEquals(await child.readLine(), String(!leader));
    await child.ended();
  },
});

Deno.test("Once.run() and runSync() whose region is closed meanwhile let the next one run, and are told", async () => {
  for (const later of [false, true]) {
    using other = MmapRegion.anonymous(4096);
    const words = other.view(Int32Array);
    const region = MmapRegion.attach(other.handle());
    const once = new Once(region);
    const run = async () => {
      if (!later) return once.runSync(() => region.close());
      return await once.run(async () => {
        await Promise.resolve();
        region.close();
        assertEquals(words[0], 0); // at once, and not when somebody finds it dead
      });
    };
    await assertRejects(run, BadResource);
    assertEquals(leftIn(words), []);
    assertEquals(new Once(other).runSync(() => {}), true);
  }
});

Deno.test("Once.run() may grow its region, which moves it", () =>
  withMovable(4096, async (region) => {
    const once = new Once(region);
    assertEquals(await once.run(() => region.resize(1 << 20)), true);
    assertEquals(leftIn(region.view(Int32Array, 0, 16), [DRAIN]), []);
    assertEquals(once.runSync(() => {}), false);
  }));

Deno.test("what is there at the last moment is given, whatever else ends the wait", async () => {
  using region = MmapRegion.anonymous(4096);
  const controller = new AbortController();
  const barrier = new Barrier(region, 0, 2);
  const first = barrier.wait({ signal: controller.signal });
  assertEquals(barrier.waitSync(), true);
  controller.abort();
  assertEquals(await first, false);

  const mutex = new Mutex(region, 1024);
  const condition = new Condition(region, 1088);
  using guard = mutex.lockSync();
  const again = new AbortController();
  const notified = condition.wait(guard, { signal: again.signal });
  condition.notify();
  again.abort();
  await notified;
});

Deno.test("what was got is not cancelled by a region that is closed before it is handed over", async () => {
  const memory = new SharedArrayBuffer(64);
  let end = (): void => {};
  class Ending extends BufferWords {
    override beforeEnd(action?: () => void): () => void {
      end = action!;
      return end; // as if it came at the very last moment
    }
  }
  let tries = 0;
  let cancelled = 0;
  const attempt: Attempt<number> = {
    words: new Ending(memory, 0, 64),
    action: "test",
    index: 0,
    expected: 1,
    attempt: () => undefined,
    prepare: () => ++tries < 2 ? undefined : tries,
    cancel: () => void cancelled++,
  };
  const patience = { deadline: Infinity, signal: undefined };
  assertEquals(await attemptAsync(attempt, patience), 2);
  assertEquals(cancelled, 0);

  // And what is cancelled is so once.
  tries = -Infinity;
  await assertRejects(() => attemptAsync(attempt, { ...patience, deadline: 0 }), TimedOut);
  end();
  assertEquals(cancelled, 1);
});

Deno.test("Condition.wait() through a guard whose region is closed is an error, and counts no waiter", async () => {
  using other = MmapRegion.anonymous(4096);
  const region = MmapRegion.attach(other.handle());
  const guard = new Mutex(region).lockSync();
  const condition = new Condition(other, 64);
  region.close();
  await assertRejects(() => condition.wait(guard), BadResource);
  assertThrows(() => condition.waitSync(guard), BadResource);
  assertEquals(leftIn(other.view(Int32Array, 64, 16)), []);
});

Deno.test("a guard is good after its region was moved", () =>
  withMovable(4096, (region) => {
    using other = MmapRegion.attach(region.handle());
    const guards = [new Mutex(region).lockSync(), new RwLock(region, 1024).readSync()];
    const written = new RwLock(region, 2048).writeSync();
    region.resize(1 << 22);
    assertEquals(new Mutex(other).tryLock(), null);
    for (const guard of [...guards, written]) guard.unlock();
    assertEquals(new Mutex(other).tryLock()?.ownerDied, false);
    assertEquals(new RwLock(other, 1024).tryWrite()?.ownerDied, false);
    assertEquals(new RwLock(other, 2048).tryRead()?.ownerDied, false);
  }));

Deno.test("a guard whose words were cut off gives back nothing that is somebody else's", () => {
  using region = MmapRegion.anonymous(8192, { resizable: true });
  const mutex = new Mutex(region, 4096);
  const lock = new RwLock(region, 5120);
  const guard = mutex.lockSync();
  const reader = lock.readSync();
  region.resize(4096);
  assertThrows(() => mutex.tryLock(), RangeError, "must lie within");
  region.resize(8192); // zeros
  using other = MmapRegion.attach(region.handle());
  using _theirs = new Mutex(other, 4096).lockSync();
  using _reading = new RwLock(other, 5120).readSync();
  guard.unlock();
  reader.unlock();
  assertEquals(mutex.tryLock(), null);
  assertEquals(lock.tryWrite(), null);
});
