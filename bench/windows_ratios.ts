/**
 * What the module costs on Windows, as ratios within one run. `deno run -A tools/bench_windows.ts` runs it
 * under Wine; its argument is the folder of the programs in C.
 */

import { MmapRegion } from "@mmap/mmap";
import { Futex } from "@mmap/mmap/sync";
import { blockingTurns, end, FIRST } from "./_hand_over.ts";
import { Peer, printed } from "./_programs.ts";
import { type Medians, perTurn, printComparison, printHead, timePerCall } from "./_ratio.ts";
import { makeFullFile, MiB, sum, withDirectory } from "./_work.ts";

const peers = Deno.args[0]!;
const RATIO = {
  figure: ({ ours, theirs }: Medians): number => ours / theirs,
  unit: " of its time",
};

await withDirectory(async (dir) => {
  printHead();
  await compareHandOver();
  await compareOpening(makeFullFile(dir, MiB));
  await compareSums(makeFullFile(dir, 64 * MiB));
});

/** Two processes, each asleep until the other one wakes it. */
async function compareHandOver(): Promise<void> {
  const times = 2_000;
  await using peer = new Peer("block", end);
  const futex = new Futex(peer.region);
  await printComparison("hand over and back, both sleep", {
    ours: perTurn("Futex", times, (times) => blockingTurns(futex, FIRST, times)),
    theirs: printed("SetEvent and WaitForSingleObject in C", `${peers}/windows_hand_over.exe`, [
      `${times}`,
    ]),
    rounds: 21,
  }, RATIO);
}

async function compareOpening(path: string): Promise<void> {
  const times = 500;
  await printComparison("open and close a file of 1 MiB", {
    ours: {
      name: "MmapRegion",
      measure: () => timePerCall(() => MmapRegion.open(path).close(), times),
    },
    theirs: printed("the calls in C", `${peers}/windows_file.exe`, ["open", path, `${times}`]),
    rounds: 21,
  }, RATIO);
}

async function compareSums(path: string): Promise<void> {
  using region = MmapRegion.open(path);
  const numbers = region.view(Float64Array);
  await printComparison("sum of a view of a file, 64 MiB", {
    ours: { name: "view", measure: () => timePerCall(() => sum(numbers), 3) },
    theirs: printed("view in C", `${peers}/windows_file.exe`, ["sum", path, "3"]),
    rounds: 21,
  }, RATIO);
}
