/** The second process of sync_ratios.ts. */

import { MmapRegion } from "@mmap/mmap";
import { Futex } from "@mmap/mmap/sync";
import {
  awaitedTurns,
  blockingTurns,
  SECOND,
  SemaphorePair,
  SPINNING_TIMES,
  spinningCells,
  spinningTurns,
} from "../_hand_over.ts";

const modes: Record<string, (region: MmapRegion) => unknown> = {
  block: (region) => blockingTurns(new Futex(region), SECOND),
  await: (region) => awaitedTurns(new Futex(region), SECOND),
  spin,
  permits: (region) => new SemaphorePair(region).answer(),
  echo: () => Deno.stdin.readable.pipeTo(Deno.stdout.writable),
};

/** A turn at the word that both sleep on, then as many as were agreed without sleeping. */
function spin(region: MmapRegion): void {
  const futex = new Futex(region);
  const cells = spinningCells(region);
  while (blockingTurns(futex, SECOND, 1)) spinningTurns(cells, SECOND, SPINNING_TIMES);
}

using region = MmapRegion.fromEnv();
await modes[Deno.args[0]!]!(region);
