/** Whether a region is whole: check, repair, flush, stats. */

import { type ByteRange, type FlushOptions, MappingFaultError } from "@mmap/mmap";
import { bag } from "../hostile.ts";
import type { MappingModel } from "../mapping_model.ts";
import { expect } from "../mismatch.ts";
import { PAGE } from "../object_model.ts";
import type { Operation } from "../operation.ts";
import { inBackground, type Part, pickPart, refused } from "../parts.ts";
import { checkContent, checkFacts } from "../regions.ts";
import { attempt, mustSucceed, mustThrow } from "../verdict.ts";
import type { Live, World } from "../world.ts";

type Durability = Required<FlushOptions>["durability"];

const DURABILITIES: readonly Durability[] = ["memory", "memory", "data", "disk"];

/** Syncing the disk takes long: mostly what lies in memory is flushed. */
function pickDurability(world: World, live: Live): Durability {
  const slow = live.object.path.startsWith(world.directories[0]) && !world.random.once(10);
  return slow ? "memory" : world.random.pick(DURABILITIES);
}

function flushOptions(
  world: World,
  live: Live,
  part: Part,
): ByteRange & { durability: Durability } {
  return { ...part.range, durability: pickDurability(world, live) };
}

/** Whether check() and flush() throw; undefined if nobody can tell. */
function isCutOff(live: Live): boolean | undefined {
  const mappings: MappingModel[] = [live.main, ...live.overlays.map(({ mapping }) => mapping)];
  if (mappings.some(({ uncertain }) => uncertain)) return undefined;
  return mappings.some(({ cutOff }) => cutOff);
}

const flushSync: Operation = {
  name: "flushSync",
  covers: ["flushSync"],
  weight: 2,
  run(world): void {
    const live = world.pickRegion();
    if (live === undefined) return;
    const part = pickPart(world, live);
    const options = flushOptions(world, live, part);
    world.note(`region ${live.id} ${JSON.stringify(options)}`);
    const outcome = attempt(() => live.region.flushSync(bag(world, options)));
    if (live.closed || refused(world, live, part, outcome) || !world.tame) return;
    const cutOff = isCutOff(live);
    if (cutOff === true) mustThrow(outcome, MappingFaultError, "flushSync() of a cut-off region");
    if (cutOff === false) mustSucceed(outcome, "flushSync()");
  },
};

const flush: Operation = {
  name: "flush",
  covers: ["flush"],
  weight: 1.5,
  run(world): void {
    const live = world.pickRegion();
    if (live === undefined) return;
    const options = flushOptions(world, live, pickPart(world, live));
    world.note(`region ${live.id} ${JSON.stringify(options)}`);
    const given = bag(world, options);
    inBackground(world, live, () => live.region.flush(given));
  },
};

const stats: Operation = {
  name: "stats",
  covers: ["stats"],
  weight: 0.5,
  run(world): void {
    const live = world.pickRegion();
    if (live === undefined) return;
    const outcome = attempt(() => live.region.stats());
    if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "stats()");
    const { resident, dirty } = mustSucceed(outcome, "stats()");
    const most = live.main.pages * PAGE;
    expect(resident <= most && dirty <= most, `stats() says ${resident}, ${dirty} of ${most}`);
  },
};

const check: Operation = {
  name: "check",
  covers: ["check", "faults"],
  weight: 3,
  run(world): void {
    const live = world.pickRegion();
    if (live === undefined) return;
    checkFacts(live);
    const outcome = attempt(() => live.region.check());
    if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "check()");
    const cutOff = isCutOff(live);
    if (cutOff === true) mustThrow(outcome, MappingFaultError, "check() of a cut-off region");
    if (cutOff === false) mustSucceed(outcome, "check()");
  },
};

const repair: Operation = {
  name: "repair",
  covers: ["repair"],
  weight: 3,
  run(world): void {
    const live = world.pickRegion();
    if (live === undefined) return;
    world.note(`region ${live.id}`);
    const outcome = attempt(() => live.region.repair());
    if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "repair()");
    mustSucceed(outcome, "repair()");
    live.main.heal();
    for (const { mapping } of live.overlays) mapping.heal();
    checkContent(world, live, 4);
  },
};

export const HEALTH: readonly Operation[] = [flushSync, flush, stats, check, repair];
