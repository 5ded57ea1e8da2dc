/** One sequence of operations, from empty directories to nothing left. */

import { join } from "@std/path";
import { setMischief } from "./hostile.ts";
import { checkLeaks } from "./leaks.ts";
import { pickOperation } from "./operations/all.ts";
import { closeRegion, collectGarbage } from "./operations/close.ts";
import { mischief } from "./operations/mischief.ts";
import { checkFile } from "./operations/size.ts";
import { Random } from "./random.ts";
import { checkContent, checkFacts } from "./regions.ts";
import { expect } from "./mismatch.ts";
import { type Helpers, World } from "./world.ts";

setMischief(mischief);

/** What makes a sequence what it is. */
export interface SequenceSpec {
  readonly seed: number;
  readonly sequence: number;
  /** How many operations at most. */
  readonly length: number;
}

/** How many regions are compared with the model after each operation. */
const REGIONS_CHECKED = 2;

/** Runs a sequence. @throws what went wrong */
export async function runSequence(
  { seed, sequence, length }: SequenceSpec,
  helpers: Helpers,
  directories: readonly [string, string],
  log: (line: string) => void,
): Promise<void> {
  const own = directories.map((parent) => join(parent, `s${sequence}`)) as [string, string];
  for (const directory of own) Deno.mkdirSync(directory);
  const world = new World(new Random(seed, sequence), helpers, own, log);
  for (let i = 0; i < length; i++) await step(world, i);
  log("end");
  await endAll(world);
  world.regions = [];
  if (world.forgotten > 0) collectGarbage();
  await helpers.workers.forget();
  for (const { file } of world.objects.splice(0)) file?.close();
  for (const directory of own) Deno.removeSync(directory, { recursive: true });
  await checkLeaks([...own, "/memfd:", "/dev/shm/fuzz-", "/dev/shm/#"], log);
  removeNames(world);
}

async function step(world: World, index: number): Promise<void> {
  const operation = pickOperation(world.random);
  world.note(`${index} ${operation.name}`);
  world.begin();
  await operation.run(world);
  for (const live of world.regions) checkFacts(live);
  for (let i = 0; i < REGIONS_CHECKED; i++) {
    const live = world.random.pickAny(world.regions);
    if (live !== undefined) checkContent(world, live, 2);
  }
  // Closed ones are of no more use, but for a few to be used after their end.
  if (world.regions.length > 24) world.regions = world.open;
}

async function endAll(world: World): Promise<void> {
  for (const stop of world.hammers.splice(0)) await stop();
  for (const endLoan of world.loans.splice(0)) await endLoan();
  await Promise.all(world.pending.splice(0));
  for (const live of world.open) checkContent(world, live, Infinity);
  for (const object of world.objects) checkFile(object);
  for (const live of world.open) closeRegion(world, live);
  for (const object of world.objects) checkFile(object);
}

/** Names that nobody owns any more, such as those of `unlinkOnClose: false`. */
function removeNames(world: World): void {
  const names = [...world.names.keys(), ...world.vagueNames];
  for (const name of names) {
    try {
      Deno.removeSync(`/dev/shm/${name}`);
    } catch (error) {
      expect(error instanceof Deno.errors.NotFound, `${error}`);
    }
  }
}
