/** Awaited waits of a process of its own: what is parked meanwhile, and how the program ends. */

import { MmapRegion, type RegionHandle } from "@mmap/mmap";
import { Futex, Mutex, Semaphore } from "@mmap/mmap/sync";
import { SYS_futex_waitv } from "../../ffi/constants.ts";
import { replaceSystem, system } from "../../src/os/mod.ts";
import type { ManyWaiting } from "../../src/os/system.ts";
import { act, scope, startWorker } from "../_act.ts";
import { linux } from "../_capabilities.ts";

/** Calls that have not come back, on systems without futex_waitv. */
let underWay = 0;

function countCalls(): void {
  const real = system();
  const many = real.waiting.many()!;
  const counting: ManyWaiting = {
    capacity: many.capacity,
    async park(...call): Promise<number | undefined> {
      underWay++;
      const index = await many.park(...call);
      underWay--;
      return index;
    },
    interrupt: () => many.interrupt(),
    keepOnly: (addresses) => many.keepOnly?.(addresses) ?? Promise.resolve(),
  };
  replaceSystem({ ...real, waiting: { ...real.waiting, many: () => counting } });
}

if (linux.ignore) countCalls();

/** How many calls of this process are parked: on Linux, threads in futex_waitv. */
function parkedCalls(): number {
  if (linux.ignore) return underWay;
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    try {
      const call = Deno.readTextFileSync(`/proc/self/task/${name}/syscall`);
      if (call.startsWith(`${SYS_futex_waitv} `)) count++;
    } catch {
      // It has ended.
    }
  }
  return count;
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

async function untilParked(): Promise<void> {
  while (parkedCalls() === 0) await turn();
}

const futexes = (region: MmapRegion, count: number): Futex[] =>
  Array.from({ length: count }, (_, i) => new Futex(region, 64 * i));

await act({
  async parkThousand(): Promise<unknown> {
    using region = MmapRegion.anonymous(64 * 1000);
    const all = futexes(region, 1000);
    const waiting = all.map((futex) => futex.wait(0));
    await untilParked();
    let most = 0;
    for (let i = 0; i < 100; i++) {
      most = Math.max(most, parkedCalls());
      await turn();
    }
    for (const futex of all) {
      futex.store(1);
      futex.wake();
    }
    const ended = new Set(await Promise.all(waiting));
    return { most, ended: [...ended] };
  },

  async exitWhileParked(): Promise<void> {
    const waiting = new Futex(MmapRegion.anonymous(4096)).wait(0);
    await untilParked();
    Deno.exit(3);
    await waiting;
  },

  async endByItself(): Promise<void> {
    const futex = new Futex(MmapRegion.anonymous(4096));
    const waiting = futex.wait(0);
    await untilParked();
    futex.store(1);
    futex.wake();
    await waiting;
    await futex.wait(1, { timeoutMs: 5 });
    await futex.wait(1, { signal: AbortSignal.timeout(5) }).catch(() => {});
  },

  waitForSharedArrayBuffer: () => new Futex(new SharedArrayBuffer(64)).wait(0, { timeoutMs: 20 }),

  async terminateWaiting(): Promise<void> {
    const region = MmapRegion.anonymous(4096);
    const { worker, next } = startWorker(import.meta.url, "waitInWorker", region.handle());
    await next();
    worker.terminate();
  },

  async waitInWorker(handle: RegionHandle): Promise<void> {
    const region = MmapRegion.attach(handle);
    new Futex(region).wait(0);
    new Futex(region, 64).wait(0);
    await untilParked();
    scope.postMessage("waiting");
  },

  async waitWithoutWaitv(): Promise<unknown> {
    const real = system();
    replaceSystem({ ...real, waiting: { ...real.waiting, many: () => undefined } });
    using region = MmapRegion.anonymous(64 * 300);
    const all = futexes(region, 300);
    const waiting = all.map((word) => word.wait(0));
    for (const word of all) word.store(1);
    const ended = new Set(await Promise.all(waiting));
    const late = await all[0]!.wait(1, { timeoutMs: 5 });
    const signal = AbortSignal.timeout(5);
    const aborted = await all[0]!.wait(1, { signal }).catch((error) => error.name);
    all[0]!.store(0);
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
    return { ended: [...ended], late, aborted, locked: lock.locked };
  },
});
