/** Many at once, for a bounded time: exact sums, no lost wake-up, nothing left behind. */

import { MmapRegion } from "@mmap/mmap";
import { Condition, Mutex, Semaphore } from "@mmap/mmap/sync";
import { assert, assertEquals } from "@std/assert";
import { repetitions } from "../_capabilities.ts";
import { Child, resultOf } from "../_child.ts";
import type { Kind } from "./_stress.ts";

const PROGRAM = new URL("_stress_children.ts", import.meta.url);

const EACH = repetitions(20_000);
const KILLED = repetitions(200);
const SIGNALS = repetitions(100_000);

/** In Workers of a child. */
async function inWorkers(region: MmapRegion, kind: Kind, count: number): Promise<void> {
  await resultOf(PROGRAM, { args: ["addInWorkers", kind, count, EACH], env: region.env() });
}

async function inProcess(region: MmapRegion, kind: Kind): Promise<void> {
  await resultOf(PROGRAM, { args: ["add", kind, EACH], env: region.env() });
}

for (const kind of ["Mutex", "RwLock"] as const) {
  Deno.test(`${kind} keeps a counter exact among 5 processes and 3 Workers`, async () => {
    using region = MmapRegion.anonymous(4096);
    const processes = Array.from({ length: 5 }, () => inProcess(region, kind));
    await Promise.all([inWorkers(region, kind, 3), ...processes]);
    assertEquals(region.view(Float64Array, 2048, 1)[0], 8 * EACH);
  });
}

Deno.test(`${KILLED} holders that are killed at random moments are all recovered from`, async () => {
  using region = MmapRegion.anonymous(4096);
  const mutex = new Mutex(region);
  const counter = region.view(Int32Array, 64, 3); // begun, ended, found dead
  const times: number[] = [];
  /** Takes the lock, and finds what it protects as it must be. */
  const visit = (): void => {
    const start = performance.now();
    using guard = mutex.lockSync({ timeoutMs: 20_000 });
    times.push(performance.now() - start);
    if (guard.ownerDied) counter[2]! += 1;
    else assertEquals(counter[0], counter[1]);
    counter[1] = counter[0]!;
  };
  for (let round = 0; round < KILLED / 4; round++) {
    const children = Array.from(
      { length: 4 },
      () => new Child(PROGRAM, { args: ["hold"], env: region.env() }),
    );
    await Promise.all(children.map((child) => child.readLine()));
    for (const child of children) {
      const before = Atomics.load(counter, 0);
      while (Atomics.load(counter, 0) < before + 1 + round * 7 % 50) await Promise.resolve();
      child.kill();
      visit();
    }
    await Promise.all(children.map((child) => child.ended()));
    visit();
  }
  times.sort((a, b) => a - b);
  const at = (part: number): string =>
    `${times[Math.floor(part * (times.length - 1))]!.toFixed(1)} ms`;
  console.log(
    `${KILLED} killed, ${counter[2]} of them in the critical section; the lock was got after ` +
      `${at(0.5)} (median), ${at(0.99)} (99 %), ${at(1)} (longest)`,
  );
  assert(counter[2]! > 0);
});

Deno.test(`${SIGNALS} condition signals are all seen`, async () => {
  using region = MmapRegion.anonymous(4096);
  const rounds = SIGNALS / 2;
  // Two processes hand a token back and forth: a signal that got lost would stop them for good.
  await using child = new Child(PROGRAM, {
    args: ["answer", rounds],
    env: region.env(),
    timeoutMs: 120_000,
  });
  const [mutex, ping, pong] = [
    new Mutex(region, 0),
    new Condition(region, 64),
    new Condition(region, 128),
  ];
  const turn = region.view(Int32Array, 192, 1);
  assertEquals(await child.readLine(), "ready");
  {
    using guard = mutex.lockSync();
    for (let i = 0; i < rounds; i++) {
      turn[0] = 1;
      ping.notify();
      while (turn[0] !== 0) pong.waitSync(guard, { timeoutMs: 20_000 });
    }
  }
  assertEquals(await child.readLine(), "done");
  await child.ended();
});

Deno.test("no permit is lost when timeouts and aborts race with releases", async () => {
  using region = MmapRegion.anonymous(4096);
  const semaphore = new Semaphore(region);
  let seed = 7;
  const random = (): number => (seed = Math.imul(seed, 48271) % 0x7fffffff) / 0x7fffffff;
  let got = 0;
  for (let round = 0; round < 300; round++) {
    const waits = Array.from({ length: 8 }, async (_, i) => {
      const controller = new AbortController();
      const limits = i % 2 === 0
        ? { timeoutMs: Math.abs(random()) * 2 }
        : { signal: controller.signal };
      if (i % 2 === 1) setTimeout(() => controller.abort(), Math.abs(random()) * 2);
      await semaphore.acquire(limits).then(() => got++, () => {});
    });
    for (let i = 0; i < 4; i++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      semaphore.release();
    }
    await Promise.all(waits);
  }
  assertEquals(got + semaphore.count, 300 * 4);
});

Deno.test("a million lock-unlock pairs leave no descriptor, thread or memory behind", async () => {
  const { before, after } = await resultOf(PROGRAM, {
    args: ["lockMillion"],
    v8Flags: "--expose-gc",
  });
  // Handles of Windows are of all kinds; the engine's own come and go.
  const most = Deno.build.os === "windows" ? 20 : 0;
  assert(Math.abs(after.descriptors - before.descriptors) <= most, "descriptors");
  assert(after.threads <= before.threads + 1, `${before.threads} threads, then ${after.threads}`);
  assert(Math.abs(after.mappings - before.mappings) < 20, "mappings");
  assert(after.rss < before.rss + 16e6, `${before.rss} bytes, then ${after.rss}`);
});
