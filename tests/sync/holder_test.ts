/** Who holds a lock, as `Mutex.holder` and `RwLock.holders()` show it. */

import { MmapRegion } from "@mmap/mmap";
import { Mutex, RwLock } from "@mmap/mmap/sync";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { system } from "../../src/os/mod.ts";
import { linux, liveTokens } from "../_capabilities.ts";
import { Child } from "../_child.ts";
import { OWN_TID, TOKEN_TID } from "./_thread.ts";
import { withLocks } from "./_without_locks.ts";

const { BadResource, InvalidData, TimedOut } = Deno.errors;
/** This isolate, where nobody has tokens. */
const selfByNumber = { pid: Deno.pid, tid: OWN_TID, alive: true };
/** This isolate by its token. */
const self = { ...selfByNumber, tid: TOKEN_TID };

for (const there of [true, false]) {
  const how = there ? "by its token" : "by its thread, where there are no file locks";
  Deno.test(
    `Mutex.holder tells of another process, and of its death, ${how}`,
    { ignore: there && liveTokens.ignore },
    () =>
      withLocks(there, async () => {
        using region = MmapRegion.anonymous(8192);
        const mutex = new Mutex(region, 2048);
        assertEquals(mutex.holder, null);
        const child = new Child(new URL("_held_peer.ts", import.meta.url), {
          args: [there],
          env: region.env(),
        });
        const [, tid] = /^held by (\d+)$/.exec(await child.readLine())!;
        const holder = { pid: child.pid, tid: Number(tid), alive: true };
        // The first thread of a process has its number, except on Windows.
        if (Deno.build.os !== "windows") assertEquals(holder.tid, child.pid);
        assertEquals(mutex.holder, holder);
        assertEquals(new RwLock(region).holders(), [holder]);
        child.kill();
        await child.ended();
        assertEquals(mutex.holder, { ...holder, pid: null, alive: false });
        assertEquals(new RwLock(region).holders(), [{ ...holder, pid: null, alive: false }]);
        mutex.tryLock()!.unlock();
        assertEquals(mutex.holder, null);
      }),
  );
}

Deno.test(
  "Mutex.holder tells of this isolate, also through another region, until that is closed",
  () => {
    using region = MmapRegion.anonymous(4096);
    const other = MmapRegion.attach(region.handle());
    new Mutex(other).lockSync();
    assertEquals(new Mutex(region).holder, self);
    assertEquals(new Mutex(other).holder, self);
    other.close();
    assertEquals(new Mutex(region).holder, { ...self, pid: null, alive: false });
    assertThrows(() => new Mutex(region, 0).holder && new Mutex(other), BadResource);
  },
);

Deno.test("Mutex.holder tells of a Worker's thread, in its process", async () => {
  using region = MmapRegion.anonymous(4096);
  const url = new URL("./_holding_worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  const held = new Promise<MessageEvent<number>>((resolve) => worker.onmessage = resolve);
  worker.postMessage(region.handle());
  const { data: tid } = await held;
  assertEquals(new Mutex(region).holder, { pid: Deno.pid, tid, alive: true });
  assertEquals(tid === TOKEN_TID, system().name === "darwin");
  if (!linux.ignore) Deno.statSync(`/proc/self/task/${tid}`);
  worker.terminate();
  (await new Mutex(region).lock({ timeoutMs: 30_000 })).unlock();
});

Deno.test("RwLock.holders() are the readers, or the writer, and nobody who waits", async () => {
  using region = MmapRegion.anonymous(4096);
  const lock = new RwLock(region);
  assertEquals(lock.holders(), []);
  const readers = [lock.readSync(), lock.readSync()];
  assertEquals(lock.holders(), [self, self]);
  const waiting = lock.write({ timeoutMs: 20 });
  assertEquals(lock.holders(), [self, self]);
  await assertRejects(() => waiting, TimedOut);
  for (const reader of readers) reader.unlock();
  const writer = lock.writeSync();
  assertEquals(lock.holders(), [self]);
  writer.unlock();
  assertEquals(lock.holders(), []);
});

Deno.test("Mutex.holder and RwLock.holders() work in memory of one process", () => {
  using region = MmapRegion.anonymous(4096, { sharing: "private" });
  for (const memory of [region, new SharedArrayBuffer(4096)]) {
    using _guard = new Mutex(memory).lockSync();
    using _reader = new RwLock(memory, 1024).readSync();
    assertEquals(new Mutex(memory).holder, selfByNumber);
    assertEquals(new RwLock(memory, 1024).holders(), [selfByNumber]);
  }
});

Deno.test(
  "Mutex.holder of one that died before it wrote its fingerprint, and of nonsense",
  liveTokens,
  () => {
    using region = MmapRegion.anonymous(4096);
    const words = region.view(Int32Array);
    words[0] = 12345;
    assertEquals(new Mutex(region).holder, { pid: null, tid: 0, alive: false });
    words[0] = 0x40000000;
    assertThrows(() => new Mutex(region).holder, InvalidData, "damaged");
    words.set([18, -1], 15);
    words[0] = 0;
    assertThrows(() => new RwLock(region).holders(), InvalidData, "damaged");
    words[15] = -1;
    assertThrows(() => new RwLock(region).holders(), InvalidData, "damaged");
  },
);

Deno.test(
  "Mutex.holder shows no process for a dead thread whose number is another one's now",
  () =>
    withLocks(false, async () => {
      using region = MmapRegion.anonymous(4096);
      new Mutex(region).lockSync();
      region.view(Int32Array)[1]! ^= 0x55;
      await Promise.resolve();
      assertEquals(new Mutex(region).holder, { ...selfByNumber, pid: null, alive: false });
    }),
);
