/** Words that the dead have left behind, and guards that are no mutex's. */

import { MmapRegion } from "@mmap/mmap";
import { Condition, Mutex, RwLock } from "@mmap/mmap/sync";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { nameIn } from "../wait/_names.ts";

/** Nobody has this number, as good as sure; and a mask of the numbers. */
const NOBODY = 0x3fffffff;

/** The words of a list of 120 members begin here. */
const MEMBERS = 15;

Deno.test("a lock word names its holder, however it was got, and nobody when it is free", async () => {
  using region = MmapRegion.anonymous(4096);
  const { number, fingerprint } = nameIn(region);
  const words = region.view(Int32Array, 0, 2);
  const mutex = new Mutex(region);
  const ways = [
    () => mutex.lockSync(),
    () => mutex.lockSync({ timeoutMs: 5 }),
    () => mutex.lock(),
    () => mutex.tryLock()!,
  ];
  for (const dead of [false, true]) {
    for (const lock of ways) {
      if (dead) words.set([NOBODY, 7]);
      const guard = await lock();
      assertEquals(guard.ownerDied, dead);
      assertEquals([words[0]! & NOBODY, words[1]], [number, fingerprint]);
      guard.unlock();
      assertEquals([...words], [0, 0]);
    }
  }
});

Deno.test("lockSync() is not Busy for a dead holder that had this isolate's number", () => {
  using region = MmapRegion.anonymous(4096);
  const { number, fingerprint } = nameIn(region);
  region.view(Int32Array).set([number, fingerprint ^ 0x55]);
  const mutex = new Mutex(region);
  using guard = mutex.lockSync();
  assert(guard.ownerDied);
  assertThrows(() => mutex.lockSync(), Deno.errors.Busy);
});

Deno.test("writeSync() is not Busy for dead ones that had this isolate's number", () => {
  using region = MmapRegion.anonymous(4096);
  const { number, fingerprint } = nameIn(region);
  const words = region.view(Int32Array);
  const lock = new RwLock(region);
  words.set([MEMBERS + 3, number, fingerprint ^ 0x55], MEMBERS);
  const writer = lock.writeSync();
  assert(!writer.ownerDied); // it was a reader
  writer.unlock();
  words.set([number, fingerprint ^ 0x55]);
  const reader = lock.readSync();
  assert(reader.ownerDied);
  reader.unlock();
  words.set([number, fingerprint ^ 0x55]);
  using next = lock.writeSync();
  assert(next.ownerDied);
});

Deno.test("RwLock drops the dead when its list of readers is full", async () => {
  using region = MmapRegion.anonymous(4096);
  const lock = new RwLock(region);
  const fill = (): void => {
    const words = region.view(Int32Array, 4 * MEMBERS, 241);
    words[0] = 256;
    for (let i = 1; i < 241; i += 2) words.set([NOBODY, 7], i);
  };
  fill();
  const reader = lock.tryRead()!;
  assertEquals(reader.ownerDied, false);
  reader.unlock();
  fill();
  lock.readSync({ timeoutMs: 30_000 }).unlock();
  fill();
  (await lock.read({ timeoutMs: 30_000 })).unlock();
  fill();
  assert(lock.tryWrite() !== null);
});

Deno.test("Condition.wait() and waitSync() refuse the guard of an RwLock", async () => {
  using region = MmapRegion.anonymous(8192);
  const condition = new Condition(region, 4096);
  const lock = new RwLock(region);
  const reader = lock.readSync();
  for (const guard of [reader, reader.upgradeSync()]) {
    assertThrows(() => condition.waitSync(guard, { timeoutMs: 5 }), TypeError, "a mutex");
    await assertRejects(() => condition.wait(guard, { timeoutMs: 5 }), TypeError, "a mutex");
  }
  assertEquals(lock.tryRead(), null); // held still
});
