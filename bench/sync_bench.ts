/** The topics of sync_ratios.ts in absolute times: `deno bench -A bench/sync_bench.ts`. */

import { MmapRegion } from "@mmap/mmap";
import { Futex, Mutex, RwLock, Semaphore, SharedEvent } from "@mmap/mmap/sync";
import { awaitedTurns, blockingTurns, end, FIRST, SemaphorePair } from "./_hand_over.ts";
import { Peer } from "./_programs.ts";

const region = MmapRegion.anonymous(8192);
const cells = region.view(Int32Array, 0, 1);
const mutex = new Mutex(region, 64);
const semaphore = new Semaphore(region, 128);
const event = new SharedEvent(region, 192, { autoReset: true });
const lock = new RwLock(region, 1024);

const PAIR = "take and give back, nobody in the way";
Deno.bench({
  name: "two exchanges",
  group: PAIR,
  baseline: true,
  fn: () => {
    Atomics.compareExchange(cells, 0, 0, 1);
    Atomics.compareExchange(cells, 0, 1, 0);
  },
});
Deno.bench({ name: "Mutex lockSync", group: PAIR, fn: () => mutex.lockSync().unlock() });
Deno.bench({ name: "Mutex tryLock", group: PAIR, fn: () => mutex.tryLock()?.unlock() });
Deno.bench({
  name: "Mutex lock, awaited",
  group: PAIR,
  fn: async () => (await mutex.lock()).unlock(),
});
Deno.bench({ name: "RwLock readSync", group: PAIR, fn: () => lock.readSync().unlock() });
Deno.bench({ name: "RwLock writeSync", group: PAIR, fn: () => lock.writeSync().unlock() });
Deno.bench({
  name: "Semaphore release and acquireSync",
  group: PAIR,
  fn: () => {
    semaphore.release();
    semaphore.acquireSync();
  },
});
Deno.bench({
  name: "SharedEvent set and waitSync",
  group: PAIR,
  fn: () => {
    event.set();
    event.waitSync();
  },
});

const TURN = "hand over to another process and back";

/** The other process is there before the time is taken, and gone after it. */
function benchTurns(
  name: string,
  mode: string,
  stop: (region: MmapRegion) => void,
  turns: (region: MmapRegion, times: number) => unknown,
): void {
  Deno.bench({
    name,
    group: TURN,
    n: 1,
    fn: async (b) => {
      await using peer = new Peer(mode, stop);
      await turns(peer.region, 1);
      b.start();
      await turns(peer.region, 1000);
      b.end();
    },
  });
}

benchTurns(
  "Futex, both sleep, 1000 times",
  "block",
  end,
  (region, times) => blockingTurns(new Futex(region), FIRST, times),
);
benchTurns(
  "Futex, awaited, 1000 times",
  "await",
  end,
  (region, times) => awaitedTurns(new Futex(region), FIRST, times),
);
benchTurns(
  "Semaphore, 1000 times",
  "permits",
  (region) => new SemaphorePair(region).end(),
  (region, times) => new SemaphorePair(region).call(times),
);
