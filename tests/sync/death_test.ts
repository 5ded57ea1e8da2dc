/** Holders that die, that are stopped, and numbers that are used again: real processes and Workers. */

import { MmapRegion } from "@mmap/mmap";
import { Barrier, Mutex, Once, RwLock, Semaphore } from "@mmap/mmap/sync";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Child } from "../_child.ts";
import { nameIn } from "../wait/_names.ts";

const IMPORTS = `
  import { MmapRegion } from "@mmap/mmap";
  import { Barrier, Mutex, Once, RwLock, Semaphore } from "@mmap/mmap/sync";
  const region = MmapRegion.fromEnv();
  const forever = () => new Promise(() => setTimeout(() => {}, 1e9));
`;

/** A child that runs `code` and then says so. */
async function holder(region: MmapRegion, code: string): Promise<Child> {
  const child = new Child(`${IMPORTS}\n${code}\nconsole.log("ready");\nawait forever();`, {
    env: region.env(),
  });
  assertEquals(await child.readLine(), "ready");
  return child;
}

for (const name of ["killed", "exited"]) {
  Deno.test(`tryLock() gets the lock of a holder that was ${name}, at once`, async () => {
    using region = MmapRegion.anonymous(4096);
    const mutex = new Mutex(region);
    const end = name === "exited" ? `setInterval(async () => { Deno.exit(); }, 20);` : "";
    await using child = await holder(region, `new Mutex(region).lockSync(); ${end}`);
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
  const child = await holder(region, `new Mutex(region).lockSync();`);
  await using waiter = new Child(
    `${IMPORTS}
    console.log("waiting");
    using guard = new Mutex(region).lockSync();
    console.log(guard.ownerDied);`,
    { env: region.env() },
  );
  assertEquals(await waiter.readLine(), "waiting");
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
  await using child = await holder(region, `new Mutex(region).lockSync();`);
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
  const reader = await holder(region, `new RwLock(region).readSync();`);
  assertEquals(lock.tryWrite(), null);
  reader.kill();
  await reader.ended();
  const writer = await lock.write({ timeoutMs: 30_000 });
  assertEquals(writer.ownerDied, false);
  writer.unlock();

  const dying = await holder(region, `new RwLock(region).writeSync();`);
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
  const child = new Child(
    `${IMPORTS}
    const waiting = new Barrier(region, 0, 2).wait();
    console.log("waiting");
    await waiting;`,
    { env: region.env() },
  );
  assertEquals(await child.readLine(), "waiting");
  child.kill();
  await child.ended();
  await assertRejects(() => barrier.wait({ timeoutMs: 100 }), Deno.errors.TimedOut);
  const leaders = await Promise.all([barrier.wait(), barrier.wait()]);
  assertEquals(leaders.filter((leader) => leader).length, 1);
});

Deno.test("a permit meant for a waiter that dies goes to another one", async () => {
  using region = MmapRegion.anonymous(4096);
  const semaphore = new Semaphore(region);
  const child = await holder(region, `new Semaphore(region).acquire();`);
  child.kill();
  await child.ended();
  const waiting = semaphore.acquire({ timeoutMs: 30_000 });
  semaphore.release();
  await waiting;
  assertEquals(semaphore.count, 0);
});

Deno.test("a runner that dies is replaced", async () => {
  using region = MmapRegion.anonymous(4096);
  const child = new Child(
    `${IMPORTS}
    await new Once(region).run(async () => { console.log("running"); await forever(); });`,
    { env: region.env() },
  );
  assertEquals(await child.readLine(), "running");
  const running = new Once(region).run(() => {}, { timeoutMs: 30_000 });
  child.kill();
  assertEquals(await running, true);
  assertEquals(new Once(region).runSync(() => {}), false);
  await child.ended();
});
