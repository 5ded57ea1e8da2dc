/** What hostile getters do in the middle of a call. */

import { HostileError } from "../hostile.ts";
import type { World } from "../world.ts";
import { closeRegion } from "./close.ts";
import { resizeTo } from "./size.ts";

export function mischief(world: World): void {
  const { random } = world;
  const live = world.pickOpen();
  const way = random.int(0, 6);
  if (way === 0) throw new HostileError("mischief");
  world.note(`mischief ${way}`);
  if (live === undefined || live.pending > 0) return;
  if (way <= 3) return closeRegion(world, live);
  const wild = world.wild;
  const tame = world.tame;
  world.wild = false;
  world.tame = true;
  try {
    if (way <= 5) resizeTo(world, live, random.size(live.byteLength + 5000));
  } finally {
    world.wild = wild;
    world.tame = tame;
  }
}
