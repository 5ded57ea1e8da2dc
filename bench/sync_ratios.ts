/**
 * What synchronisation costs, as ratios within one run: `deno task bench`. Needs gcc and python3.
 *
 * Both sides of a ratio are measured in turns; see region_ratios.ts.
 */

import { MmapRegion } from "@mmap/mmap";
import { Futex, Mutex, RwLock } from "@mmap/mmap/sync";
import {
  awaitedTurns,
  blockingTurns,
  end,
  FIRST,
  SemaphorePair,
  SPINNING_TIMES,
  spinningCells,
  spinningTurns,
} from "./_hand_over.ts";
import { compilePeer, output, Peer, peerPath, place, PLACEMENTS, printed } from "./_programs.ts";
import { bytes, type Medians, perTurn, printComparison, printHead, type Side } from "./_ratio.ts";
import {
  exchangePairs,
  lockPairs,
  type Pairs,
  readPairs,
  timeReads,
  tryLockPairs,
  twinPairs,
  whileWaiting,
  writePairs,
} from "./_sync_work.ts";
import { withDirectory } from "./_work.ts";

/** Our time in theirs. */
function time({ ours, theirs }: Medians): number {
  return ours / theirs;
}

/** Their time in ours. */
function speed({ ours, theirs }: Medians): number {
  return theirs / ours;
}

const RATIO = { figure: time, unit: " of its time" };

await withDirectory(async (dir) => {
  printHead();
  await comparePairs();
  await compareAllocations();
  const program = await compilePeer("hand_over", dir);
  await compareBlocking(program);
  await compareSpinning(program);
  await compareAwaited();
  await comparePermits();
  await compareReads(dir);
});

/** Locks that nobody else wants, against the two exchanges that they cannot do without. */
async function comparePairs(): Promise<void> {
  using region = MmapRegion.anonymous(4096);
  const mutex = new Mutex(region, 0);
  const lock = new RwLock(region, 1024);
  const theirs = perPair("two exchanges", exchangePairs(region.view(Int32Array, 512, 1)));
  const compare = (topic: string, pairs: Pairs, limit = {}) =>
    printComparison(topic, { ours: perPair("pair", pairs), theirs, rounds: 61 }, {
      ...RATIO,
      ...limit,
    });
  await compare("Mutex lockSync and unlock", lockPairs(mutex), { atMost: 1.5 });
  await compare("Mutex tryLock and unlock", tryLockPairs(mutex), { atMost: 4 });
  await compare("RwLock readSync and unlock", readPairs(lock));
  await compare("RwLock writeSync and unlock", writePairs(lock));
}

function perPair(name: string, pairs: Pairs): Side {
  const times = 200_000;
  return {
    name,
    measure: () => {
      const start = performance.now();
      if (pairs(times) !== times) throw new Error(`${name}: the lock was held`);
      return (performance.now() - start) * 1e6 / times;
    },
  };
}

/** What a pair leaves on the heap, against one object as large as a guard. */
async function compareAllocations(): Promise<void> {
  using region = MmapRegion.anonymous(4096);
  const grown = (name: string, pairs: Pairs): Side => ({ name, measure: () => growth(pairs) });
  const theirs = grown("object of four fields", twinPairs());
  const guards: Record<string, Pairs> = {
    lockSync: lockPairs(new Mutex(region)),
    tryLock: tryLockPairs(new Mutex(region)),
  };
  for (const [name, pairs] of Object.entries(guards)) {
    await printComparison(
      `heap per Mutex ${name} and unlock`,
      {
        ours: grown("pair", pairs),
        theirs,
        rounds: 61,
      },
      { figure: time, unit: " of its bytes", atMost: 1.1 },
      bytes,
    );
  }
}

/** The bytes by which the heap grows per pair; less than nothing when garbage was collected. */
function growth(pairs: Pairs): number {
  const times = 2_000;
  const before = Deno.memoryUsage().heapUsed;
  pairs(times);
  return (Deno.memoryUsage().heapUsed - before) / times;
}

/** One process wakes the other and sleeps until it is woken. */
async function compareBlocking(program: string): Promise<void> {
  for (const placement of PLACEMENTS) {
    await using peer = new Peer("block", end);
    await using _ = await place(placement, [peer.process.pid]);
    const futex = new Futex(peer.region);
    await printComparison(`hand over and back, both sleep, ${placement}`, {
      ours: perTurn("Futex", 5_000, (times) => blockingTurns(futex, FIRST, times)),
      theirs: inC(program, "block", 5_000, "0", placement),
      rounds: 31,
    }, { ...RATIO, atMost: 2 });
  }
}

async function compareSpinning(program: string): Promise<void> {
  await using peer = new Peer("spin", end);
  const futex = new Futex(peer.region);
  const cells = spinningCells(peer.region);
  await printComparison("hand over and back, both spin", {
    ours: {
      name: "Atomics",
      measure: () => {
        blockingTurns(futex, FIRST, 1);
        spinningTurns(cells, FIRST, 1); // both are there after the first one
        const start = performance.now();
        spinningTurns(cells, FIRST, SPINNING_TIMES - 1);
        return (performance.now() - start) * 1e6 / (SPINNING_TIMES - 1);
      },
    },
    theirs: inC(program, "spin", SPINNING_TIMES),
    rounds: 31,
  }, { ...RATIO, atMost: 1.5 });
}

function inC(program: string, mode: string, times: number, ...more: string[]): Side {
  return printed("C", program, [mode, `${times}`, ...more]);
}

/** Neither side blocks its event loop. */
async function compareAwaited(): Promise<void> {
  await using peer = new Peer("await", end);
  await using echo = new Peer("echo", () => {});
  const futex = new Futex(peer.region);
  const writer = echo.process.stdin.getWriter();
  const reader = echo.process.stdout.getReader();
  const message = new Uint8Array(4);
  await printComparison("hand over and back, awaited", {
    ours: perTurn("Futex", 2_000, (times) => awaitedTurns(futex, FIRST, times)),
    theirs: perTurn("echo over the pipes of Deno.Command", 2_000, async (times) => {
      for (let i = 0; i < times; i++) {
        await writer.write(message);
        for (let left = message.length; left > 0;) left -= (await reader.read()).value!.length;
      }
    }),
    rounds: 31,
  }, { figure: speed, unit: " times as fast", atLeast: 1 });
  writer.releaseLock();
  reader.releaseLock();
}

async function comparePermits(): Promise<void> {
  await using peer = new Peer("permits", (region) => new SemaphorePair(region).end());
  const pair = new SemaphorePair(peer.region);
  await printComparison("hand over and back by two semaphores", {
    ours: perTurn("Semaphore", 5_000, (times) => pair.call(times)),
    theirs: {
      name: "Python's multiprocessing.Semaphore",
      measure: async () => Number(await output("python3", [peerPath("hand_over.py"), "5000"])),
    },
    rounds: 31,
  }, { figure: speed, unit: " times as fast", atLeast: 1 });
}

/** Reading a file, which needs the threads that waits could take away. */
async function compareReads(dir: string): Promise<void> {
  const path = `${dir}/small.bin`;
  await Deno.writeFile(path, new Uint8Array(4096));
  const times = 500;
  for (const count of [100, 1000]) {
    await printComparison("Deno.readFile of 4 KiB", {
      ours: {
        name: `${count} pending waits`,
        measure: () => whileWaiting(count, () => timeReads(path, times)),
      },
      theirs: { name: "none", measure: () => timeReads(path, times) },
      rounds: 61,
    }, { ...RATIO, atMost: 1.1 });
  }
}
