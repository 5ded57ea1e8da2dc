/** The ways to a region, and what they do to their objects. */

import { closeSync, openSync } from "node:fs";
import { type MapOptions, MmapRegion, type OpenRegionOptions } from "@mmap/mmap";
import { arg, bag } from "../hostile.ts";
import { CAPACITY, ObjectModel, PAGE } from "../object_model.ts";
import type { Operation } from "../operation.ts";
import { adopt, type Making } from "../regions.ts";
import { attempt, mustSucceed, mustThrow, type Outcome } from "../verdict.ts";
import { expect } from "../mismatch.ts";
import type { Live, TestObject, World } from "../world.ts";
import { closeRegion } from "./close.ts";

export const MOST_OBJECTS = 8;
const MOST_REGIONS = 12;

/** The largest size that objects are made with: they can still grow. */
export const LARGEST = CAPACITY - 16 * PAGE;

/** Makes room for one more region. */
export function makeRoom(world: World): void {
  const open = world.open;
  if (open.length >= MOST_REGIONS) closeRegion(world, world.random.pick(open));
}

/** Options that every way takes, none of them needed. */
export function commonOptions(world: World, byteLength: number): MapOptions {
  const { random } = world;
  const options: MapOptions = {};
  if (random.once(5)) options.populate = true;
  if (random.once(8)) options.lock = true;
  if (random.once(8)) options.hugePages = true;
  if (random.once(10)) options.guard = false;
  if (random.once(10)) options.reserve = false;
  else if (random.once(5)) options.reserve = random.int(1, byteLength + 20 * PAGE);
  return options;
}

/** How much a private mapping has copied because of its options. */
function applyOptions(live: Live, options: MapOptions): void {
  const pages = Math.ceil((live.lead + live.byteLength) / PAGE);
  if (options.populate === true || options.lock === true) live.main.populate(0, pages, true);
  if (options.lock === true) live.main.locked = true;
  if (options.flags !== undefined) live.main.lock(0, live.main.pages);
}

/** Takes over a region that was made of an object, if it was. */
export function take(
  world: World,
  outcome: Outcome<MmapRegion>,
  options: MapOptions,
  making: Omit<Making, "byteLength"> & { byteLength?: number },
): void {
  if (!outcome.ok) return;
  const region = outcome.value;
  // In a wild operation the options are not what they were meant to be.
  const given = world.tame ? options : {};
  const reserved = world.tame ? (typeof options.reserve === "number" ? options.reserve : 0) : 0;
  const { byteOffset, byteLength } = region;
  const live = adopt(world, region, {
    ...making,
    byteOffset,
    byteLength,
    reserved,
    guard: given.guard ?? true,
  });
  applyOptions(live, given);
  if (world.tame) return;
  // What was not agreed on cannot be predicted: so it is only closed.
  closeRegion(world, live);
}

function newObject(world: World, size: number): TestObject {
  const { random } = world;
  const path = world.newPath();
  const file = Deno.openSync(path, { read: true, write: true, createNew: true });
  const content = random.bytes(size);
  file.writeSync(content);
  const model = new ObjectModel(size);
  model.bytes.set(content);
  return remember(world, { model, kind: "file", path, file, reachable: true });
}

export function remember(
  world: World,
  object: Omit<TestObject, "sealedSize" | "sealedWrite">,
): TestObject {
  const made = { ...object, sealedSize: false, sealedWrite: false };
  world.objects.push(made);
  return made;
}

/** A file that is there; a new one if there are few. */
export function pickFile(world: World): TestObject {
  const { random } = world;
  const files = world.objects.filter(({ kind, reachable }) => kind === "file" && reachable);
  const few = files.length === 0 || (world.objects.length < MOST_OBJECTS && random.once(3));
  return few ? newObject(world, random.size(LARGEST)) : random.pick(files);
}

/** A window into `size` bytes. */
export function pickWindow(world: World, size: number): { byteOffset: number; byteLength: number } {
  const { random } = world;
  if (size === 0 || random.once(2)) return { byteOffset: 0, byteLength: Math.max(1, size) };
  const start = random.int(0, size - 1);
  const byteOffset = random.once(2) ? start - start % PAGE : start;
  return { byteOffset, byteLength: random.size(size - byteOffset) };
}

function openOptions(world: World, object: TestObject): OpenRegionOptions {
  const { random } = world;
  const size = object.model.size;
  const { byteOffset, byteLength } = pickWindow(world, size);
  const options: OpenRegionOptions = {
    access: random.pick(["read", "read-write", "read-write", "copy-on-write"]),
    ...commonOptions(world, byteLength),
  };
  if (byteOffset > 0 || random.once(4)) options.byteOffset = byteOffset;
  if (byteOffset + byteLength < size || size === 0 || random.once(3)) {
    options.byteLength = byteLength;
  }
  if (options.access !== "read" && random.once(4)) {
    options.create = true;
    if (random.once(2)) options.byteLength = random.size(LARGEST - byteOffset);
    if (random.once(4)) {
      options.truncate = true;
      options.byteLength ??= byteLength;
    }
    if (random.once(3)) options.allocate = random.once(2);
  }
  if (random.once(20)) options.flags = random.int(0, 0x7fffffff) & ~0x0410013f & ~0x4000;
  if (random.once(20)) options.address = BigInt(random.int(1, 2 ** 30)) << 16n;
  if (random.once(20)) options.executable = true;
  return options;
}

/** Whether opening a file with these options has to succeed. */
function mustOpen(
  { flags, address, executable, byteLength, truncate, create, byteOffset = 0 }: OpenRegionOptions,
  size: number,
): boolean {
  if (flags !== undefined || address !== undefined || executable === true) return false;
  if (create === true || truncate === true) return byteLength !== undefined;
  return byteOffset + (byteLength ?? 1) <= size;
}

const open: Operation = {
  name: "open",
  covers: ["static open"],
  weight: 12,
  run(world): void {
    makeRoom(world);
    const object = pickFile(world);
    const options = openOptions(world, object);
    const { path, model } = object;
    const before = model.size;
    world.note(`${path} (${before}) ${Deno.inspect(options, { breakLength: 1000 })}`);
    const target = world.random.once(6) ? new URL(`file://${path}`) : path;
    const outcome = attempt(() => MmapRegion.open(arg(world, target), bag(world, options)));
    if (world.tame && mustOpen(options, before)) mustSucceed(outcome, "open()");
    if (!world.tame) return takeWild(outcome, object);
    if (outcome.ok) {
      const end = (options.byteOffset ?? 0) + (options.byteLength ?? 0);
      if (options.truncate === true) object.model.truncate(0);
      if (end > object.model.size) object.model.truncate(end);
    }
    take(world, outcome, options, { object });
    expect(Deno.statSync(path).size === model.size, `open() left ${path} with another size`);
  },
};

/** A region that hostile options led to: what they have done to the file is looked up. */
function takeWild(outcome: Outcome<MmapRegion>, object: TestObject): void {
  if (outcome.ok) outcome.value.close();
  reread(object);
}

/** Takes over what a file holds now. */
export function reread({ file, model }: TestObject): void {
  if (file === undefined) return;
  if (file.statSync().size > CAPACITY) file.truncateSync(CAPACITY);
  const { size } = file.statSync();
  const content = new Uint8Array(size);
  file.seekSync(0, Deno.SeekMode.Start);
  for (let done = 0; done < size;) done += file.readSync(content.subarray(done)) ?? size;
  // Emptied in between, or not: whoever had copies may have lost them.
  for (const mapping of model.mappings) mapping.forgetPages(0, mapping.pages);
  if (size !== model.size) model.truncate(size);
  model.write(0, content);
}

const openNew: Operation = {
  name: "openNew",
  covers: ["static open"],
  weight: 3,
  run(world): void {
    if (world.objects.length >= MOST_OBJECTS) return;
    makeRoom(world);
    const path = world.newPath();
    const byteLength = world.random.size(LARGEST);
    const access = world.random.pick(["read-write", "copy-on-write"] as const);
    const options: OpenRegionOptions = {
      access,
      createNew: true,
      byteLength,
      ...commonOptions(world, byteLength),
    };
    world.note(`${path} ${Deno.inspect(options, { breakLength: 1000 })}`);
    const outcome = attempt(() => MmapRegion.open(path, bag(world, options)));
    if (world.tame) mustSucceed(outcome, "open() with createNew");
    if (!outcome.ok || !world.tame) {
      if (outcome.ok) outcome.value.close();
      const there = attempt(() => Deno.removeSync(path)).ok;
      expect(there === outcome.ok || !world.tame, "a failed createNew left a file");
      return;
    }
    const file = Deno.openSync(path, { read: true, write: true });
    const model = new ObjectModel(byteLength);
    const object = remember(world, { model, kind: "file", path, file, reachable: true });
    take(world, outcome, options, { object });
    mustThrow(
      attempt(() => MmapRegion.open(path, options)),
      Deno.errors.AlreadyExists,
      "createNew",
    );
  },
};

const fromFd: Operation = {
  name: "fromFd",
  covers: ["static fromFd"],
  weight: 4,
  run(world): void {
    makeRoom(world);
    const object = pickFile(world);
    const { byteOffset, byteLength } = pickWindow(world, object.model.size);
    const options: MapOptions = {
      access: world.random.pick(["read", "read-write", "copy-on-write"]),
      byteOffset,
      byteLength,
      ...commonOptions(world, byteLength),
    };
    const fd = openSync(object.path, "r+");
    world.note(`${object.path} ${Deno.inspect(options, { breakLength: 1000 })}`);
    try {
      const outcome = attempt(() => MmapRegion.fromFd(arg(world, fd), bag(world, options)));
      const fits = byteOffset + byteLength <= object.model.size;
      if (world.tame && fits) mustSucceed(outcome, "fromFd()");
      take(world, outcome, options, { object });
    } finally {
      closeSync(fd);
    }
  },
};

const anyDescriptor: Operation = {
  name: "fromFd of any number",
  covers: ["static fromFd"],
  weight: 1,
  run(world): void {
    const fd = world.random.int(0, 40);
    // Only to read: these are the runtime's own descriptors.
    const outcome = attempt(() => MmapRegion.fromFd(fd, { byteLength: 1 }));
    if (outcome.ok) outcome.value.close();
  },
};

export const MAKE: readonly Operation[] = [
  open,
  openNew,
  fromFd,
  anyDescriptor,
];
