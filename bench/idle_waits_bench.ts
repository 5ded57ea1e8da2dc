/**
 * What awaited waits cost while nothing happens: the processor time of this process over some seconds in
 * which 0, 4 or 100 words are waited for. Linux only, where /proc tells it:
 * `deno run -A bench/idle_waits_bench.ts [SECONDS]`; on the model of macOS with
 * `deno run -A tools/on_darwin.ts run -A bench/idle_waits_bench.ts`.
 */

import { MmapRegion } from "@mmap/mmap";
import { Futex } from "@mmap/mmap/sync";

const SECONDS = Number(Deno.args[0] ?? 5);

const pause = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** All threads of this process, in milliseconds. */
function cpuMs(): number {
  let total = 0;
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    try {
      const [running] = Deno.readTextFileSync(`/proc/self/task/${name}/schedstat`).split(" ");
      total += Number(running);
    } catch {
      // The thread has ended.
    }
  }
  return total / 1e6;
}

for (const count of [0, 4, 100]) {
  using region = MmapRegion.anonymous(64 * 128);
  const stop = new AbortController();
  const waits = Array.from(
    { length: count },
    (_, i) => new Futex(region, 64 * i).wait(0, { signal: stop.signal }),
  );
  await pause(1); // what is only so at the beginning
  const before = cpuMs();
  await pause(SECONDS);
  const spent = cpuMs() - before;
  console.log(`${Deno.build.os}, ${count} words: ${spent.toFixed(1)} ms of CPU in ${SECONDS} s`);
  stop.abort();
  await Promise.allSettled(waits);
}
