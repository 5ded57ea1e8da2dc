/** Awaited waits: one parked call for all of them, and nothing left behind however they end. */

import { MmapRegion } from "@mmap/mmap";
import { Barrier, Condition, Futex, Mutex, RwLock, Semaphore, SharedEvent } from "@mmap/mmap/sync";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { resultOf, runChild } from "../_child.ts";

const ignore = Deno.build.os !== "linux";
const { BadResource, Busy } = Deno.errors;

/** What the children have in common. */
const PRELUDE = `
  import { MmapRegion } from "@mmap/mmap";
  import { Futex, Mutex, Semaphore } from "@mmap/mmap/sync";
  import { SYS_futex_waitv } from "./ffi/constants.ts";
  /** How many threads of this process are parked in futex_waitv. */
  function parkedThreads() {
    let count = 0;
    for (const { name } of Deno.readDirSync("/proc/self/task")) {
      try {
        const call = Deno.readTextFileSync("/proc/self/task/" + name + "/syscall");
        if (call.startsWith(SYS_futex_waitv + " ")) count++;
      } catch {
        // It has ended.
      }
    }
    return count;
  }
  const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
  async function untilParked() {
    while (parkedThreads() === 0) await turn();
  }
  const futexes = (region, count) =>
    Array.from({ length: count }, (_, i) => new Futex(region, 64 * i));
`;

/** Runs a child that must end by itself. */
async function assertEnds(code: string, expectedCode = 0): Promise<void> {
  const { code: status, signal, stderr } = await runChild(PRELUDE + code);
  assertEquals({ status, signal }, { status: expectedCode, signal: null }, stderr);
}

Deno.test({
  name: "Futex.wait() parks one call for a thousand words",
  ignore,
  async fn(): Promise<void> {
    const { most, ended } = await resultOf(`${PRELUDE}
      using region = MmapRegion.anonymous(64 * 1000);
      const all = futexes(region, 1000);
      const waiting = all.map((futex) => futex.wait(0));
      await untilParked();
      let most = 0;
      for (let i = 0; i < 100; i++) {
        most = Math.max(most, parkedThreads());
        await turn();
      }
      for (const futex of all) {
        futex.store(1);
        futex.wake();
      }
      const ended = new Set(await Promise.all(waiting));
      console.log(JSON.stringify({ most, ended: [...ended] }));
    `);
    assert(most >= 1 && most <= 2, `${most} calls were parked`);
    assertEquals(ended, ["ok"]);
  },
});

Deno.test({
  name: "a program ends with Deno.exit() while a wait is parked",
  ignore,
  fn: () =>
    assertEnds(
      `const waiting = new Futex(MmapRegion.anonymous(4096)).wait(0);
      await untilParked();
      Deno.exit(3);`,
      3,
    ),
});

Deno.test({
  name: "a program ends by itself when its waits have ended",
  ignore,
  fn: () =>
    assertEnds(`
      const futex = new Futex(MmapRegion.anonymous(4096));
      const waiting = futex.wait(0);
      await untilParked();
      futex.store(1);
      futex.wake();
      await waiting;
      await futex.wait(1, { timeoutMs: 5 });
      await futex.wait(1, { signal: AbortSignal.timeout(5) }).catch(() => {});
    `),
});

Deno.test("a program lives as long as it waits for a word of a SharedArrayBuffer", async () => {
  const result = await resultOf(`${PRELUDE}
    const futex = new Futex(new SharedArrayBuffer(64));
    console.log(JSON.stringify(await futex.wait(0, { timeoutMs: 20 })));
  `);
  assertEquals(result, "timed-out");
});

Deno.test({
  name: "a process ends although a Worker was terminated that waits",
  ignore,
  fn: () =>
    assertEnds(`
      const region = MmapRegion.anonymous(4096);
      const code = \`
        import { MmapRegion } from "\${import.meta.resolve("@mmap/mmap")}";
        import { Futex } from "\${import.meta.resolve("@mmap/mmap/sync")}";
        self.onmessage = ({ data }) => {
          const region = MmapRegion.attach(data);
          new Futex(region).wait(0);
          new Futex(region, 64).wait(0);
          self.postMessage("waiting");
        };
      \`;
      const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
      const worker = new Worker(url, { type: "module" });
      const waiting = new Promise((resolve) => worker.onmessage = resolve);
      worker.postMessage(region.handle());
      await waiting;
      await untilParked();
      worker.terminate();
    `),
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
  name: "awaited waits work where there is no futex_waitv",
  ignore,
  async fn(): Promise<void> {
    const result = await resultOf(`${PRELUDE}
      import { libc, replaceLibc } from "./ffi/libc.ts";
      const { futex } = libc();
      replaceLibc({
        // A system call that there is not: ENOSYS.
        futexWaitv: () => Number(futex(-1n, null, 0, 0, null, null, 0)),
        futexWaitvOffThread: () => { throw new Error("called"); },
      });
      using region = MmapRegion.anonymous(64 * 300);
      const all = futexes(region, 300);
      const waiting = all.map((word) => word.wait(0));
      for (const word of all) word.store(1);
      const ended = new Set(await Promise.all(waiting));
      const late = await all[0].wait(1, { timeoutMs: 5 });
      const aborted = await all[0].wait(1, { signal: AbortSignal.timeout(5) }).catch((e) => e.name);
      all[0].store(0);
      const lock = new Mutex(region);
      const guard = await lock.lock();
      const next = lock.lock();
      await turn();
      guard.unlock();
      (await next).unlock();
      const semaphore = new Semaphore(region);
      const acquired = semaphore.acquire();
      semaphore.release();
      await acquired;
      console.log(JSON.stringify({ ended: [...ended], late, aborted, locked: lock.locked }));
    `);
    assertEquals(result, {
      ended: ["ok"],
      late: "timed-out",
      aborted: "TimeoutError",
      locked: false,
    });
  },
});
