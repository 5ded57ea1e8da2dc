/** Processes that hold something, or wait for it, until they die. The region is in their environment. */

import { MmapRegion } from "@mmap/mmap";
import { Barrier, Mutex, Once, RwLock, Semaphore } from "@mmap/mmap/sync";
import { act, stdinEnds } from "../_act.ts";

const region = MmapRegion.fromEnv();

/** Says so, and lives until it is killed. */
async function stay(word = "ready"): Promise<void> {
  console.log(word);
  await new Promise(() => setTimeout(() => {}, 1e9));
}

await act({
  async lock(): Promise<void> {
    new Mutex(region).lockSync();
    await stay();
  },

  async lockAndExit(): Promise<void> {
    new Mutex(region).lockSync();
    console.log("ready");
    await stdinEnds();
    Deno.exit();
  },

  /** @returns whether its predecessor died */
  waitForLock(): boolean {
    console.log("waiting");
    using guard = new Mutex(region).lockSync();
    return guard.ownerDied;
  },

  async read(): Promise<void> {
    new RwLock(region).readSync();
    await stay();
  },

  async write(): Promise<void> {
    new RwLock(region).writeSync();
    await stay();
  },

  async waitAtBarrier(): Promise<void> {
    const waiting = new Barrier(region, 0, 2).wait();
    console.log("waiting");
    await waiting;
  },

  async acquire(): Promise<void> {
    new Semaphore(region).acquire();
    await stay();
  },

  async runOnce(): Promise<void> {
    await new Once(region).run(() => stay("running"));
  },
});
