/**
 * What it costs to know who lives, as ratios within one run: `deno task bench`. Linux only.
 *
 * Both sides of a ratio are measured in turns; see region_ratios.ts.
 */

import { MmapRegion } from "@mmap/mmap";
import { Mutex } from "@mmap/mmap/sync";
import { close, open } from "../ffi/file_calls.ts";
import { readProc } from "../ffi/proc.ts";
import { backingOf } from "../src/region/mmap_region.ts";
import { threadsOf } from "../src/wait/holder.ts";
import { peerPath } from "./_programs.ts";
import { duration, type Medians, printComparison, printHead, timePerCall } from "./_ratio.ts";
import { withDirectory } from "./_work.ts";

/** Our time in theirs. */
function time({ ours, theirs }: Medians): number {
  return ours / theirs;
}

const RATIO = { figure: time, unit: " of its time" };

await withDirectory(async (dir) => {
  printHead();
  await compareAsking(dir, 1);
  await compareAsking(dir, 1000);
  await compareTaking(dir);
  await compareObjects(dir);
  await printDeaths();
});

function makeFile(path: string): string {
  Deno.writeFileSync(path, new Uint8Array(4096));
  return path;
}

/** Its page is there already: what is measured is no page fault. */
function regionOf(path: string): MmapRegion {
  const region = MmapRegion.open(path, { access: "read-write" });
  region.bytes[4000] = 1;
  return region;
}

/** Whether a holder lives, where so many hold something in the object. */
async function compareAsking(dir: string, holders: number): Promise<void> {
  const path = makeFile(`${dir}/asked`);
  const regions = Array.from({ length: holders + 1 }, () => regionOf(path));
  const names = regions.map((region) => threadsOf(backingOf(region)).self());
  const threads = threadsOf(backingOf(regions[0]!));
  const { number, fingerprint } = names.at(-1)!;
  await printComparison(`ask whether one of ${holders} lives`, {
    ours: {
      name: "F_OFD_GETLK",
      measure: () => timePerCall(() => threads.isDead(number, fingerprint), 2000),
    },
    theirs: {
      name: "read /proc/PID/stat",
      measure: () => timePerCall(() => readProc(`/proc/${Deno.pid}/stat`), 2000),
    },
    rounds: 31,
  }, { ...RATIO, atMost: holders === 1 ? 0.3 : 1 });
  for (const region of regions) region.close();
}

/** The first lock through a region, which takes a token. */
async function compareTaking(dir: string): Promise<void> {
  const path = makeFile(`${dir}/taken`);
  const mapped = (use: (region: MmapRegion) => void): number => {
    let nanoseconds = 0;
    for (let i = 0; i < 100; i++) {
      using region = regionOf(path);
      nanoseconds += timePerCall(() => use(region), 1);
    }
    return nanoseconds / 100;
  };
  await printComparison("the first lock through a region", {
    ours: {
      name: "Mutex",
      measure: () => mapped((region) => new Mutex(region).lockSync().unlock()),
    },
    theirs: { name: "open and close", measure: () => mapped(() => close(open(path, 0))) },
    rounds: 31,
  }, RATIO);
}

/** A thousand objects, each locked for the first time, against their mere mapping. */
async function compareObjects(dir: string): Promise<void> {
  const count = 1000;
  const paths = Array.from({ length: count }, (_, i) => makeFile(`${dir}/object${i}`));
  const all = (use: (region: MmapRegion) => void): number => {
    const start = performance.now();
    const regions = paths.map(regionOf);
    for (const region of regions) use(region);
    for (const region of regions) region.close();
    return (performance.now() - start) * 1e6 / count;
  };
  await printComparison(`each of ${count} objects: open, lock, unlock, close`, {
    ours: {
      name: "with a Mutex",
      measure: () => all((region) => new Mutex(region).lockSync().unlock()),
    },
    theirs: { name: "without", measure: () => all(() => {}) },
    rounds: 15,
  }, RATIO);
}

/** From SIGKILL to the lock of who waits already. */
async function printDeaths(): Promise<void> {
  const deaths = 200;
  const times: number[] = [];
  for (let i = 0; i < deaths; i++) {
    using region = MmapRegion.anonymous(4096);
    const holder = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", peerPath("hold.ts")],
      env: region.env(),
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    await holder.stdout.getReader().read();
    const waiting = new Mutex(region).lock();
    // The waiter is somewhere between two looks.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 50));
    const start = performance.now();
    holder.kill("SIGKILL");
    if (!(await waiting).ownerDied) throw new Error("The holder did not die");
    times.push((performance.now() - start) * 1e6);
    await holder.status;
    await holder.stdin.abort().catch(() => {});
  }
  times.sort((a, b) => a - b);
  const [half, most] = [times[deaths / 2]!, times[Math.floor(deaths * 0.99)]!];
  console.log(
    `| from SIGKILL to the lock of a waiter, ${deaths} times | half: ${duration(half)} | ` +
      `99 of 100: ${duration(most)} | | at most 60 ms${most > 60e6 ? ": missed" : ""} |`,
  );
}
