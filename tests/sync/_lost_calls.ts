/** The calls on primitives that must throw where a page is lost. */

import type { MmapRegion } from "@mmap/mmap";
import {
  Barrier,
  Condition,
  Futex,
  Mutex,
  Once,
  RwLock,
  Semaphore,
  SharedEvent,
} from "@mmap/mmap/sync";

/** Longer than any wait here that goes well. */
export const LATE = { timeoutMs: 20_000 };

/**
 * Every call on every primitive, by class and member; each is made on a primitive of its own. The
 * first page of the region is intact.
 */
export const CALLS: Readonly<
  Record<string, Readonly<Record<string, (region: MmapRegion, at: number) => unknown>>>
> = {
  Mutex: {
    lockSync: (region, at) => new Mutex(region, at).lockSync(),
    "lockSync with options": (region, at) => new Mutex(region, at).lockSync(LATE),
    lock: (region, at) => new Mutex(region, at).lock(),
    tryLock: (region, at) => new Mutex(region, at).tryLock(),
    locked: (region, at) => new Mutex(region, at).locked,
    holder: (region, at) => new Mutex(region, at).holder,
  },
  RwLock: {
    holders: (region, at) => new RwLock(region, at).holders(),
    readSync: (region, at) => new RwLock(region, at).readSync(),
    read: (region, at) => new RwLock(region, at).read(),
    tryRead: (region, at) => new RwLock(region, at).tryRead(),
    writeSync: (region, at) => new RwLock(region, at).writeSync(),
    write: (region, at) => new RwLock(region, at).write(),
    tryWrite: (region, at) => new RwLock(region, at).tryWrite(),
  },
  Semaphore: {
    acquireSync: (region, at) => new Semaphore(region, at).acquireSync(LATE),
    acquire: (region, at) => new Semaphore(region, at).acquire(LATE),
    tryAcquire: (region, at) => new Semaphore(region, at).tryAcquire(),
    release: (region, at) => new Semaphore(region, at).release(),
    count: (region, at) => new Semaphore(region, at).count,
  },
  SharedEvent: {
    waitSync: (region, at) => new SharedEvent(region, at).waitSync(LATE),
    wait: (region, at) => new SharedEvent(region, at).wait(LATE),
    set: (region, at) => new SharedEvent(region, at).set(),
    reset: (region, at) => new SharedEvent(region, at).reset(),
    isSet: (region, at) => new SharedEvent(region, at).isSet,
  },
  Barrier: {
    waitSync: (region, at) => new Barrier(region, at, 2).waitSync(LATE),
    wait: (region, at) => new Barrier(region, at, 2).wait(LATE),
  },
  Once: {
    runSync: (region, at) => new Once(region, at).runSync(() => {}),
    run: (region, at) => new Once(region, at).run(() => {}),
  },
  Condition: {
    waitSync: (region, at) => {
      using guard = new Mutex(region, 0).lockSync();
      new Condition(region, at).waitSync(guard, LATE);
    },
    wait: async (region, at) => {
      using guard = new Mutex(region, 0).lockSync();
      await new Condition(region, at).wait(guard, LATE);
    },
    notify: (region, at) => new Condition(region, at).notify(),
    notifyAll: (region, at) => new Condition(region, at).notifyAll(),
  },
  Futex: {
    load: (region, at) => new Futex(region, at).load(),
    store: (region, at) => new Futex(region, at).store(1),
    add: (region, at) => new Futex(region, at).add(1),
    compareExchange: (region, at) => new Futex(region, at).compareExchange(0, 1),
    waitSync: (region, at) => new Futex(region, at).waitSync(0, LATE),
    wait: (region, at) => new Futex(region, at).wait(0, LATE),
    wake: (region, at) => new Futex(region, at).wake(),
  },
};
