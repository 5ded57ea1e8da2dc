/** Awaited waits: one parked call for all of them, and nothing left behind however they end. */

import { MmapRegion } from "@mmap/mmap";
import { Barrier, Condition, Futex, Mutex, RwLock, Semaphore, SharedEvent } from "@mmap/mmap/sync";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { manyWords } from "../_capabilities.ts";
import { resultOf, runChild } from "../_child.ts";

const { BadResource, Busy } = Deno.errors;

const PROGRAM = new URL("_waiters.ts", import.meta.url);

/** Runs a child that must end by itself. */
async function assertEnds(action: string, expectedCode = 0): Promise<void> {
  const { code: status, signal, stderr } = await runChild(PROGRAM, { args: [action] });
  assertEquals({ status, signal }, { status: expectedCode, signal: null }, stderr);
}

Deno.test({
  name: "Futex.wait() parks one call for a thousand words",
  ignore: manyWords.ignore,
  async fn(): Promise<void> {
    const { most, ended } = await resultOf(PROGRAM, { args: ["parkThousand"] });
    assert(most >= 1 && most <= 2, `${most} calls were parked`);
    assertEquals(ended, ["ok"]);
  },
});

Deno.test({
  name: "a program ends with Deno.exit() while a wait is parked",
  ignore: manyWords.ignore,
  fn: () => assertEnds("exitWhileParked", 3),
});

Deno.test({
  name: "a program ends by itself when its waits have ended",
  ignore: manyWords.ignore,
  fn: () => assertEnds("endByItself"),
});

Deno.test("a program lives as long as it waits for a word of a SharedArrayBuffer", async () => {
  const result = await resultOf(PROGRAM, { args: ["waitForSharedArrayBuffer"] });
  assertEquals(result, "timed-out");
});

Deno.test({
  name: "a process ends although a Worker was terminated that waits",
  ignore: manyWords.ignore,
  fn: () => assertEnds("terminateWaiting"),
});

Deno.test("Futex.wait() waits for more words than one call takes, and sees each change", async () => {
  using region = MmapRegion.anonymous(64 * 300);
  const all = Array.from({ length: 300 }, (_, i) => new Futex(region, 64 * i));
  const waiting = all.map((futex) => futex.wait(0));
  for (let i = 0; i < 300; i += 7) {
    const index = i * 11 % 300;
    all[index]!.store(1);
    all[index]!.wake();
    assertEquals(await waiting[index], "ok");
  }
  all.forEach((futex) => futex.store(1)); // and nobody wakes: they are looked at in turns
  assertEquals(new Set(await Promise.all(waiting)), new Set(["ok"]));
});

Deno.test("Futex.wait() of many on one word with different values", async () => {
  using region = MmapRegion.anonymous(4096);
  const futex = new Futex(region);
  const first = [futex.wait(0), futex.wait(0)];
  futex.store(5);
  const second = [futex.wait(5), futex.wait(0)];
  assertEquals(await Promise.all(first), ["ok", "ok"]);
  assertEquals(await second[1], "not-equal");
  futex.store(6);
  futex.wake();
  assertEquals(await second[0], "ok");
});

Deno.test("awaited waits leave nothing behind when they time out or are aborted", async () => {
  using region = MmapRegion.anonymous(64 * 300);
  const all = Array.from({ length: 300 }, (_, i) => new Futex(region, 64 * i));
  const timedOut = await Promise.all(all.map((futex) => futex.wait(0, { timeoutMs: 5 })));
  assertEquals(new Set(timedOut), new Set(["timed-out"]));
  const reason = new Error("enough");
  const controller = new AbortController();
  const aborted = all.map((futex) => futex.wait(0, { signal: controller.signal }));
  controller.abort(reason);
  for (const result of await Promise.allSettled(aborted)) {
    assert(result.status === "rejected" && result.reason === reason);
  }
});

Deno.test("waits end when their region is closed", async () => {
  const region = MmapRegion.anonymous(16_384);
  const mutex = new Mutex(region, 0);
  const guard = mutex.lockSync();
  const lock = new RwLock(region, 1024);
  lock.writeSync();
  const condition = new Condition(region, 64);
  const waiting = [
    mutex.lock(),
    condition.wait(guard),
    lock.read(),
    lock.write(),
    new Semaphore(region, 128).acquire(),
    new SharedEvent(region, 192).wait(),
    new Barrier(region, 2048, 2).wait(),
  ];
  const futex = new Futex(region, 256).wait(0);
  region.close();
  assertEquals(await futex, "ok"); // who looks at the word then is told
  for (const promise of waiting) await assertRejects(() => promise, BadResource);
});

Deno.test("MmapRegion.resize() throws Busy while a word is waited for", async () => {
  using region = MmapRegion.anonymous(4096, { resizable: true });
  const futex = new Futex(region);
  const waiting = futex.wait(0);
  assertThrows(() => region.resize(1 << 20), Busy, "under way");
  futex.store(1);
  futex.wake();
  await waiting;
  region.resize(1 << 20);
  assertEquals(futex.load(), 1);
});

Deno.test("MmapRegion.resize() grows a region within its reserve while a word is waited for", async () => {
  using region = MmapRegion.anonymous(4096, { resizable: true, reserve: 1 << 20 });
  using other = MmapRegion.attach(region.handle());
  const [futex, far] = [new Futex(region), 1 << 16];
  const waiting = futex.wait(0);
  region.resize(1 << 17);
  const second = new Futex(region, far);
  const farther = second.wait(0);
  assertThrows(() => region.resize(4096), Busy, "under way"); // it would lose a word
  assertThrows(() => region.resize(1 << 21), Busy, "under way"); // it would move
  other.refresh();
  for (const at of [0, far]) {
    const word = new Futex(other, at);
    word.store(1);
    word.wake();
  }
  assertEquals(await Promise.all([waiting, farther]), ["ok", "ok"]);
  region.resize(4096);
  assertEquals(futex.load(), 1);
  assertThrows(() => second.load(), RangeError, "must lie within");
});

Deno.test({
  name: "awaited waits work where no call waits for many words",
  ignore: manyWords.ignore,
  async fn(): Promise<void> {
    const result = await resultOf(PROGRAM, { args: ["waitWithoutWaitv"] });
    assertEquals(result, {
      ended: ["ok"],
      late: "timed-out",
      aborted: "TimeoutError",
      locked: false,
    });
  },
});
