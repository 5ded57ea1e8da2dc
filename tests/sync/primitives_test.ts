/** Each primitive by itself, with waits of one isolate: what API users rely on. */

import { MmapRegion } from "@mmap/mmap";
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
import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";

const { TimedOut, Busy } = Deno.errors;

function zeros(): MmapRegion {
  return MmapRegion.anonymous(16_384);
}

/** Lets everything happen that can happen without somebody's doing. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("Futex waits while the word has the value, and is woken", async () => {
  using region = zeros();
  const futex = new Futex(region);
  assertEquals(futex.waitSync(1), "not-equal");
  assertEquals(await futex.wait(1), "not-equal");
  assertEquals(futex.waitSync(0, { timeoutMs: 5 }), "timed-out");
  assertEquals(await futex.wait(0, { timeoutMs: 5 }), "timed-out");
  const waiting = futex.wait(0);
  await settle();
  new Futex(region).store(7);
  futex.wake();
  assertEquals(await waiting, "ok");
  assertEquals([futex.compareExchange(7, 8), futex.compareExchange(7, 9), futex.load()], [7, 8, 8]);
  assertEquals(futex.wake(), 0);
  for (const count of [0, -1, 1.5]) assertThrows(() => futex.wake(count), RangeError);
});

Deno.test("Futex.wait() ends with the signal's reason, and leaves nothing waiting", async () => {
  using region = zeros();
  const futex = new Futex(region);
  const controller = new AbortController();
  const waiting = futex.wait(0, { signal: controller.signal });
  await settle();
  controller.abort("enough");
  assertEquals(await waiting.catch((reason) => reason), "enough");
});

Deno.test("Mutex excludes, and its guard unlocks once", async () => {
  using region = zeros();
  const [mutex, twin] = [new Mutex(region, 64), new Mutex(region, 64)];
  {
    using guard = mutex.lockSync();
    assertEquals([guard.ownerDied, twin.locked, twin.tryLock()], [false, true, null]);
    await assertRejects(() => twin.lock({ timeoutMs: 5 }), TimedOut);
    assertThrows(() => twin.lockSync({ timeoutMs: 5 }), TimedOut);
    assertThrows(() => twin.lockSync(), Busy, "never end");
  }
  assertEquals(mutex.locked, false);
  const guard = twin.tryLock()!;
  guard.unlock();
  using second = mutex.lockSync();
  guard.unlock(); // not the second one's lock
  guard[Symbol.dispose]();
  assertEquals(mutex.locked, true);
  second.unlock();
});

Deno.test("Mutex.lock() waits its turn", async () => {
  using region = zeros();
  const mutex = new Mutex(region);
  const order: number[] = [];
  const first = mutex.lockSync();
  const others = [1, 2, 3].map(async (n) => {
    using _guard = await mutex.lock();
    order.push(n);
    await settle();
    order.push(n);
  });
  await settle();
  assertEquals(order, []);
  first.unlock();
  await Promise.all(others);
  for (let i = 0; i < order.length; i += 2) assertEquals(order[i], order[i + 1]);
});

Deno.test("RwLock lets many read or one write", async () => {
  using region = zeros();
  const lock = new RwLock(region);
  const readers = [lock.readSync(), await lock.read(), lock.tryRead()!];
  assertEquals(lock.tryWrite(), null);
  assertThrows(() => lock.writeSync({ timeoutMs: 5 }), TimedOut);
  assertThrows(() => lock.writeSync(), Busy);
  const writing = lock.write();
  await settle();
  assertEquals(lock.tryRead(), null); // somebody waits to write
  for (const reader of readers) reader.unlock();
  const writer = await writing;
  assertEquals([writer.ownerDied, lock.tryRead(), lock.tryWrite()], [false, null, null]);
  assertThrows(() => lock.readSync(), Busy);
  writer.unlock();
  writer.unlock();
  lock.readSync().unlock();
});

Deno.test("RwLock lets readers in again when a writer gave up", async () => {
  using region = zeros();
  const lock = new RwLock(region);
  using _reader = lock.readSync();
  const controller = new AbortController();
  const writing = lock.write({ signal: controller.signal });
  await settle();
  const reading = lock.read();
  controller.abort("no more");
  assertEquals(await writing.catch((reason) => reason), "no more");
  (await reading).unlock();
});

Deno.test("ReadGuard upgrades when it is alone, and says so when somebody else is about to write", async () => {
  using region = zeros();
  const lock = new RwLock(region);
  const [one, other] = [lock.readSync(), lock.readSync()];
  assertEquals(one.tryUpgrade(), null);
  assertThrows(() => one.upgradeSync({ timeoutMs: 5 }), TimedOut);
  const upgrading = one.upgrade();
  await settle();
  assertThrows(() => other.upgradeSync(), Busy);
  other.unlock();
  const writer = await upgrading;
  assertEquals(lock.tryRead(), null);
  one.unlock(); // given up: the writer holds on
  assertEquals(lock.tryRead(), null);
  writer.unlock();
  assertThrows(() => one.upgradeSync(), TypeError);
});

Deno.test("Semaphore counts permits", async () => {
  using region = zeros();
  const semaphore = new Semaphore(region);
  assertEquals([semaphore.count, semaphore.tryAcquire()], [0, false]);
  assertThrows(() => semaphore.acquireSync({ timeoutMs: 5 }), TimedOut);
  const waiting = [semaphore.acquire(), semaphore.acquire()];
  await settle();
  semaphore.release(3);
  await Promise.all(waiting);
  assertEquals(semaphore.count, 1);
  semaphore.acquireSync();
  for (const count of [0, -1, 1.5, NaN]) assertThrows(() => semaphore.release(count), RangeError);
  semaphore.release(0x7fffffff);
  assertThrows(() => semaphore.release(), RangeError);
  assertEquals(semaphore.count, 0x7fffffff);
});

Deno.test("SharedEvent lets all pass until it is reset, or one", async () => {
  using region = zeros();
  const manual = new SharedEvent(region, 0);
  const all = [manual.wait(), manual.wait()];
  manual.set();
  await Promise.all(all);
  manual.waitSync();
  manual.reset();
  assertThrows(() => manual.waitSync({ timeoutMs: 5 }), TimedOut);

  const automatic = new SharedEvent(region, 64, { autoReset: true });
  automatic.set();
  automatic.set();
  automatic.waitSync();
  assertEquals(automatic.isSet, false);
  await assertRejects(() => automatic.wait({ timeoutMs: 5 }), TimedOut);
});

Deno.test("Condition gives the mutex up while it waits, and holds it again however that ends", async () => {
  using region = zeros();
  const [mutex, condition] = [new Mutex(region, 0), new Condition(region, 64)];
  using guard = mutex.lockSync();
  assertThrows(() => condition.waitSync(guard, { timeoutMs: 5 }), TimedOut);
  assertEquals(mutex.tryLock(), null);
  const controller = new AbortController();
  const aborted = condition.wait(guard, { signal: controller.signal });
  mutex.tryLock()!.unlock(); // given up
  controller.abort("enough");
  assertEquals(await aborted.catch((reason) => reason), "enough");
  assertEquals(mutex.tryLock(), null);
  const waiting = condition.wait(guard);
  mutex.tryLock()!.unlock();
  condition.notify();
  await waiting;
  assertEquals(mutex.tryLock(), null);
  guard.unlock();
  assertThrows(() => condition.waitSync(guard), TypeError);
  await assertRejects(() => condition.wait(guard), TypeError);
  for (const count of [0, -1]) assertThrows(() => condition.notify(count), RangeError);
});

Deno.test("Barrier lets all go together, one of them as the leader, again and again", async () => {
  using region = zeros();
  const barrier = new Barrier(region, 0, 3);
  for (let round = 0; round < 50; round++) {
    const leaders = await Promise.all([barrier.wait(), barrier.wait(), barrier.wait()]);
    assertEquals(leaders.filter((leader) => leader).length, 1);
  }
});

Deno.test("Barrier drops a party that times out or is aborted", async () => {
  using region = zeros();
  const barrier = new Barrier(region, 0, 2);
  assertThrows(() => barrier.waitSync({ timeoutMs: 5 }), TimedOut);
  const controller = new AbortController();
  const aborted = barrier.wait({ signal: controller.signal });
  await settle();
  controller.abort("no");
  assertEquals(await aborted.catch((reason) => reason), "no");
  const leaders = await Promise.all([barrier.wait(), barrier.wait()]);
  assertEquals(leaders.filter((leader) => leader).length, 1);
});

Deno.test("Once throws TypeError for what is no function, and nothing is held or done", async () => {
  using region = MmapRegion.anonymous(4096);
  const once = new Once(region);
  for (const fn of [undefined, null, "fn", 1, {}] as unknown[]) {
    assertThrows(() => once.runSync(fn as () => void), TypeError, "fn must be a function");
    await assertRejects(() => once.run(fn as () => void), TypeError, "fn must be a function");
  }
  assertEquals(region.bytes.some((byte) => byte !== 0), false);
  assertEquals(once.runSync(() => {}), true);
  assertThrows(() => once.runSync(1 as unknown as () => void), TypeError); // also when it is done
});

Deno.test("SharedEvent throws TypeError for an autoReset that is no boolean", () => {
  using region = MmapRegion.anonymous(4096);
  for (const autoReset of [null, 1, "true", {}] as unknown as boolean[]) {
    const place = () => new SharedEvent(region, 0, { autoReset });
    assertThrows(place, TypeError, "Cannot place event as autoReset must be a boolean");
  }
});

Deno.test("Once runs once; if it throws, the next one runs it", async () => {
  using region = zeros();
  const [once, twin] = [new Once(region), new Once(region)];
  let runs = 0;
  const failure = new Error("not today");
  assertStrictEquals(
    assertThrows(() =>
      once.runSync(() => {
        throw failure;
      })
    ),
    failure,
  );
  assertStrictEquals(await twin.run(() => Promise.reject(failure)).catch((e) => e), failure);
  const results = await Promise.all([once, twin, once].map((o) =>
    o.run(async () => {
      await settle();
      runs++;
    })
  ));
  assertEquals([runs, results.filter((ran) => ran).length], [1, 1]);
  assertEquals(
    twin.runSync(() => {
      runs++;
    }),
    false,
  );
  assertEquals(
    await once.run(() => {
      runs++;
    }),
    false,
  );
  assertEquals(runs, 1);
  using other = zeros();
  const nested = new Once(other);
  assertThrows(() =>
    nested.runSync(() => {
      nested.runSync(() => {});
    }), Busy);
});
