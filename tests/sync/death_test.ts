/** Holders that die, that are stopped, and numbers that are used again: real processes and Workers. */

import { MmapRegion } from "@mmap/mmap";
import { Barrier, Mutex, Once, RwLock, Semaphore } from "@mmap/mmap/sync";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Child } from "../_child.ts";
import { nameIn } from "../wait/_names.ts";

const PROGRAM = new URL("_mortals.ts", import.meta.url);

/** A child that begins with an action and says so. */
async function started(region: MmapRegion, action: string, word = "ready"): Promise<Child> {
  const child = new Child(PROGRAM, { args: [action], env: region.env() });
  assertEquals(await child.readLine(), word);
  return child;
}

for (const name of ["killed", "exited"]) {
  Deno.test(`tryLock() gets the lock of a holder that was ${name}, at once`, async () => {
    using region = MmapRegion.anonymous(4096);
    const mutex = new Mutex(region);
    await using child = await started(region, name === "exited" ? "lockAndExit" : "lock");
    if (name === "killed") {
      assertEquals(mutex.tryLock(), null);
      child.kill();
    }
    await child.ended();
    const guard = mutex.tryLock()!;
    assertEquals(guard.ownerDied, true);
    guard.unlock();
    assertEquals(mutex.lockSync().ownerDied, false);
  });
}

Deno.test("lock() and lockSync() of those who wait get the lock of a holder that dies", async () => {
  using region = MmapRegion.anonymous(4096);
  const mutex = new Mutex(region);
  const child = await started(region, "lock");
  await using waiter = await started(region, "waitForLock", "waiting");
  const waiting = mutex.lock({ timeoutMs: 30_000 });
  child.kill();
  // One of the two finds the death; the other one gets the lock from it.
  const guard = await waiting;
  guard.unlock();
  const other = await waiter.readLine() === "true";
  assert(guard.ownerDied !== other);
  await waiter.ended();
  await child.ended();
});

Deno.test("a terminated Worker counts as a dead holder", async () => {
  using region = MmapRegion.anonymous(4096);
  const mutex = new Mutex(region);
  const url = new URL("./_holding_worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  const held = new Promise((resolve) => worker.onmessage = resolve);
  worker.postMessage(region.handle());
  await held;
  assertEquals(mutex.tryLock(), null);
  worker.terminate();
  using guard = await mutex.lock({ timeoutMs: 30_000 });
  assertEquals(guard.ownerDied, true);
});

Deno.test("a holder that is stopped is never robbed", async () => {
  using region = MmapRegion.anonymous(4096);
  const mutex = new Mutex(region);
  await using child = await started(region, "lock");
  child.kill("SIGSTOP");
  assertEquals(mutex.tryLock(), null);
  await assertRejects(() => mutex.lock({ timeoutMs: 300 }), Deno.errors.TimedOut);
  assertEquals(mutex.tryLock(), null);
});

Deno.test("a living isolate with the number of a dead holder is no holder", () => {
  using region = MmapRegion.anonymous(4096);
  const words = region.view(Int32Array);
  const { number, fingerprint } = nameIn(region);
  words[0] = number;
  words[1] = fingerprint ^ 0x55;
  const guard = new Mutex(region).tryLock()!;
  assertEquals(guard.ownerDied, true);
  guard.unlock();
  words[0] = number;
  words[1] = fingerprint;
  assertEquals(new Mutex(region).tryLock(), null);
});

Deno.test("a dead reader is dropped silently, a dead writer is told to all until somebody writes", async () => {
  using region = MmapRegion.anonymous(4096);
  const lock = new RwLock(region);
  const reader = await started(region, "read");
  assertEquals(lock.tryWrite(), null);
  reader.kill();
  await reader.ended();
  const writer = await lock.write({ timeoutMs: 30_000 });
  assertEquals(writer.ownerDied, false);
  writer.unlock();

  const dying = await started(region, "write");
  assertEquals(lock.tryRead(), null);
  dying.kill();
  await dying.ended();
  const readers = [lock.tryRead()!, lock.readSync(), await lock.read()];
  assertEquals(readers.map(({ ownerDied }) => ownerDied), [true, true, true]);
  for (const guard of readers) guard.unlock();
  const next = lock.writeSync();
  assertEquals(next.ownerDied, true);
  next.unlock();
  assertEquals([lock.readSync().ownerDied], [false]);
});

Deno.test("a party that dies while it waits withdraws from the barrier", async () => {
  using region = MmapRegion.anonymous(4096);
  const barrier = new Barrier(region, 0, 2);
  const child = await started(region, "waitAtBarrier", "waiting");
  child.kill();
  await child.ended();
  await assertRejects(() => barrier.wait({ timeoutMs: 100 }), Deno.errors.TimedOut);
  const leaders = await Promise.all([barrier.wait(), barrier.wait()]);
  assertEquals(leaders.filter((leader) => leader).length, 1);
});

Deno.test("a permit meant for a waiter that dies goes to another one", async () => {
  using region = MmapRegion.anonymous(4096);
  const semaphore = new Semaphore(region);
  const child = await started(region, "acquire");
  child.kill();
  await child.ended();
  const waiting = semaphore.acquire({ timeoutMs: 30_000 });
  semaphore.release();
  await waiting;
  assertEquals(semaphore.count, 0);
});

Deno.test("a runner that dies is replaced", async () => {
  using region = MmapRegion.anonymous(4096);
  const child = await started(region, "runOnce", "running");
  const running = new Once(region).run(() => {}, { timeoutMs: 30_000 });
  child.kill();
  assertEquals(await running, true);
  assertEquals(new Once(region).runSync(() => {}), false);
  await child.ended();
});
