/** POSIX shared memory by its names. */

import { join } from "@std/path";
import { MmapRegion, type NamedOptions } from "@mmap/mmap";
import { arg, bag } from "../hostile.ts";
import { ObjectModel, PAGE } from "../object_model.ts";
import type { Operation } from "../operation.ts";
import { attempt, mustSucceed, mustThrow } from "../verdict.ts";
import { expect } from "../mismatch.ts";
import type { TestObject, World } from "../world.ts";
import { commonOptions, LARGEST, makeRoom, remember, take } from "./make.ts";
import { orphan } from "./outside.ts";

const MEMORY = "/dev/shm";

function namedOptions(world: World, there: TestObject | undefined): NamedOptions {
  const { random } = world;
  const options: NamedOptions = {};
  const size = there?.model.size ?? LARGEST;
  const common = commonOptions(world, size);
  Object.assign(options, common);
  if (random.once(2)) options.create = true;
  else if (random.once(3)) options.createNew = true;
  if (options.create || options.createNew || random.once(3)) {
    options.byteLength = random.size(Math.max(1, random.once(4) ? LARGEST : size));
  }
  if (random.once(3)) options.access = random.pick(["read", "read-write", "copy-on-write"]);
  if (options.access === "read" && (options.create || options.createNew)) delete options.access;
  if (random.once(5)) options.unlinkOnClose = random.once(2);
  return options;
}

/** Whether the call makes the object, or opens it; undefined if it has to fail. */
function fate(options: NamedOptions, there: TestObject | undefined): "made" | "opened" | undefined {
  const { create, createNew, byteLength } = options;
  if (there === undefined) {
    return (create || createNew) && byteLength !== undefined ? "made" : undefined;
  }
  if (createNew) return undefined;
  return there.model.size > 0 && (byteLength ?? 1) <= there.model.size ? "opened" : undefined;
}

function newNamed(world: World, name: string, byteLength: number): TestObject {
  const path = join(MEMORY, name);
  const file = Deno.openSync(path, { read: true, write: true });
  const model = new ObjectModel(byteLength);
  const object = remember(world, { model, kind: "named", path, file, reachable: true });
  world.names.set(name, object);
  return object;
}

const named: Operation = {
  name: "named",
  covers: ["static named"],
  weight: 7,
  run(world): void {
    makeRoom(world);
    const name = world.pickName();
    if (world.vagueNames.has(name)) return;
    const there = world.names.get(name);
    const options = namedOptions(world, there);
    world.note(`${name} ${Deno.inspect(options, { breakLength: 1000 })}`);
    const given = world.random.once(2) ? name : `/${name}`;
    const outcome = attempt(() => MmapRegion.named(arg(world, given), bag(world, options)));
    if (!world.tame) {
      if (outcome.ok) closeWild(outcome.value, name);
      return lookUp(world, name);
    }
    const way = fate(options, there);
    if (way === undefined) return expect(!outcome.ok, "named() without an object");
    mustSucceed(outcome, "named()");
    const byteLength = options.byteLength ?? there?.model.size ?? 0;
    const object = way === "made" ? newNamed(world, name, byteLength) : there!;
    const unlinks = options.unlinkOnClose ?? way === "made";
    take(world, outcome, options, { object, unlinks });
  },
};

/** What was given instead of a name may have been one, such as "1". */
function closeWild(region: MmapRegion, wanted: string): void {
  const { name } = region;
  region.close();
  if (name !== wanted) attempt(() => MmapRegion.unlink(name));
}

/** Whatever hostile options did: only whether the name is still there, and whose, is looked up. */
function lookUp(world: World, name: string): void {
  const there = world.names.get(name);
  const inode = attempt(() => Deno.statSync(join(MEMORY, name)).ino);
  const known = there?.file?.statSync().ino;
  if (inode.ok && inode.value === known) return;
  if (inode.ok) Deno.removeSync(join(MEMORY, name));
  if (there !== undefined) there.reachable = false;
  world.names.delete(name);
}

const unlink: Operation = {
  name: "unlink",
  covers: ["static unlink"],
  weight: 1.5,
  run(world): void {
    const name = world.pickName();
    if (world.vagueNames.has(name)) return;
    const there = world.names.get(name);
    world.note(name);
    const outcome = attempt(() => MmapRegion.unlink(arg(world, name)));
    if (!world.tame) return; // it was another name, or none
    if (there === undefined) return mustThrow(outcome, Deno.errors.NotFound, "unlink()");
    mustSucceed(outcome, "unlink()");
    there.reachable = false;
    world.names.delete(name);
  },
};

/** As a program does that knows nothing of this module. */
const remove: Operation = {
  name: "outside: remove a name",
  covers: [],
  weight: 0.7,
  run(world): void {
    const [name, object] = world.random.pickAny([...world.names]) ?? [];
    if (name === undefined || world.vagueNames.has(name)) return;
    world.note(name);
    Deno.removeSync(join(MEMORY, name));
    object!.reachable = false;
    world.names.delete(name);
  },
};

const list: Operation = {
  name: "list",
  covers: ["static list"],
  weight: 1,
  run(world): void {
    const found = new Map(MmapRegion.list().map((info) => [info.name, info]));
    for (const [name, { model }] of world.names) {
      if (world.vagueNames.has(name)) continue;
      const info = found.get(name);
      expect(info !== undefined, `list() does not show ${name}`);
      expect(info.byteLength === model.size, `list() shows ${name} with ${info.byteLength} bytes`);
      expect(info.ours && info.owner?.alive === true, `list() does not know whose ${name} is`);
    }
  },
};

const reap: Operation = {
  name: "reap",
  covers: ["static reap"],
  weight: 0.5,
  async run(world): Promise<void> {
    // Where others can see the same objects, theirs must be left alone.
    if (!world.helpers.privateMemory) return;
    const name = `orphan-${Deno.pid}`;
    const orphaned = world.random.once(10);
    if (orphaned) await orphan(world, name);
    const reaped = MmapRegion.reap();
    expect(`${reaped}` === (orphaned ? name : ""), `reap() removed ${reaped}`);
    for (const known of world.names.keys()) {
      if (world.vagueNames.has(known)) continue;
      mustSucceed(attempt(() => Deno.statSync(join(MEMORY, known))), "what reap() has to leave");
    }
  },
};

const guardState: Operation = {
  name: "guardState",
  covers: ["static guardState", "static lendingState"],
  weight: 0.5,
  run(world): void {
    const state = MmapRegion.guardState();
    const guarded = world.regions.some(({ main }) => main.spec.guarded);
    expect(state === "on" || (state === "off" && !guarded), `guardState() says ${state}`);
    const lending = MmapRegion.lendingState();
    expect(lending === "on" || lending === "off", `lendingState() says ${lending}`);
  },
};

const counts: Operation = {
  name: "held",
  covers: ["static held", "static lateAccesses"],
  weight: 0.5,
  run(): void {
    const { held, lateAccesses } = MmapRegion;
    expect(Number.isSafeInteger(held) && held >= 0, `held is ${held}`);
    expect(lateAccesses === 0, `lateAccesses is ${lateAccesses}`);
  },
};

/** The size of objects that a peer makes. */
export const ORPHAN_BYTE_LENGTH = PAGE;

export const NAMED: readonly Operation[] = [named, unlink, remove, list, reap, guardState, counts];
