/** The other processes of the stress tests; their region is in the environment. */

import { MmapRegion } from "@mmap/mmap";
import { Condition, Mutex } from "@mmap/mmap/sync";
import { piecesOf } from "../../src/os/windows/allocations.ts";
import { act, gc } from "../_act.ts";
import { ADDRESSES_END, handleCount } from "../_windows_holdings.ts";
import { addUnderLock, type Kind } from "./_stress.ts";

const WORKER = new URL("_stress_worker.ts", import.meta.url);

interface Look {
  readonly descriptors: number;
  readonly threads: number;
  readonly mappings: number;
  readonly rss: number;
}

function look(): Look {
  const count = (path: string): number => [...Deno.readDirSync(path)].length;
  gc();
  const { rss } = Deno.memoryUsage();
  if (Deno.build.os === "windows") { // under Wine there is a /proc, and its "self" is another process
    const mappings = piecesOf(0x10000, ADDRESSES_END).length;
    return { descriptors: handleCount(), threads: 0, mappings, rss };
  }
  return {
    descriptors: count("/proc/self/fd"),
    threads: count("/proc/self/task"),
    mappings: Deno.readTextFileSync("/proc/self/maps").split("\n").length,
    rss,
  };
}

await act({
  /** Adds in so many Workers. */
  async addInWorkers(kind: Kind, count: number, times: number): Promise<boolean> {
    const handle = Deno.env.get("MMAP_REGION");
    const work = (): Promise<void> =>
      new Promise((resolve, reject) => {
        const worker = new Worker(WORKER, { type: "module" });
        worker.onmessage = () => {
          worker.terminate();
          resolve();
        };
        worker.onerror = reject;
        worker.postMessage({ handle, kind, times });
      });
    await Promise.all(Array.from({ length: count }, work));
    return true;
  },

  add(kind: Kind, times: number): boolean {
    using region = MmapRegion.fromEnv();
    addUnderLock(region, kind, times);
    return true;
  },

  /** Takes and gives the lock until it is killed. */
  hold(): void {
    const region = MmapRegion.fromEnv();
    const mutex = new Mutex(region);
    const counter = region.view(Int32Array, 64, 3);
    // Whoever died inside may have left the first two apart.
    const repair = (): void => {
      counter[1] = counter[0]!;
      counter[2]!++;
    };
    console.log("running");
    while (true) {
      const guard = mutex.lockSync();
      if (guard.ownerDied) repair();
      Atomics.add(counter, 0, 1); // begun
      Atomics.add(counter, 1, 1); // ended
      guard.unlock();
    }
  },

  /** Waits for a condition and notifies another one, so many times. */
  answer(rounds: number): void {
    using region = MmapRegion.fromEnv();
    const mutex = new Mutex(region, 0);
    const [ping, pong] = [new Condition(region, 64), new Condition(region, 128)];
    const turn = region.view(Int32Array, 192, 1);
    using guard = mutex.lockSync();
    console.log("ready");
    for (let i = 0; i < rounds; i++) {
      while (turn[0] !== 1) ping.waitSync(guard);
      turn[0] = 0;
      pong.notify();
    }
    guard.unlock();
    console.log("done");
  },

  /** Needs --expose-gc. @returns what this process has before and after a million locks */
  async lockMillion(): Promise<{ before: Look; after: Look }> {
    const mutex = new Mutex(MmapRegion.anonymous(4096));
    const work = (times: number): void => {
      for (let i = 0; i < times; i++) mutex.lockSync().unlock();
    };
    work(100_000);
    const before = look();
    work(1_000_000);
    for (let i = 0; i < 100; i++) (await mutex.lock()).unlock();
    return { before, after: look() };
  },
});
