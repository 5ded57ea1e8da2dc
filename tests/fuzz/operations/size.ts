/** Sizes: of regions, and of their objects from outside. */

import { arg } from "../hostile.ts";
import { CAPACITY, PAGE } from "../object_model.ts";
import type { Operation } from "../operation.ts";
import { checkContent, checkFacts, differenceOf } from "../regions.ts";
import { attempt, mustSucceed, mustThrow, type Outcome } from "../verdict.ts";
import { expect } from "../mismatch.ts";
import type { Live, TestObject, World } from "../world.ts";
import { checkViewsGone } from "./close.ts";

/** Whether a resize leaves the mapping where it is. */
function staysInReserve(live: Live, byteLength: number): boolean {
  return live.reserved > 0 && live.lead + byteLength <= live.main.byteLength;
}

/** What a region's new length does to its mapping and its views. */
function applyLength(live: Live, byteLength: number): void {
  const { main, object } = live;
  if (staysInReserve(live, byteLength)) {
    const shorter = Math.max(0, live.byteLength - byteLength);
    if (object.kind === "plain") object.model.write(byteLength, new Uint8Array(shorter));
  } else {
    if (object.kind === "plain") growPlain(live, byteLength);
    main.resize(live.lead + byteLength);
    checkViewsGone(live);
  }
  for (const mapping of [main, ...live.overlays.map((overlay) => overlay.mapping)]) mapping.heal();
  // A mapping that is moved piece by piece is copied.
  main.populate(0, main.pages, false);
  live.byteLength = byteLength;
}

/** Private memory is as long as its mapping; what was behind its end reads as zeros again. */
function growPlain({ object: { model } }: Live, byteLength: number): void {
  if (byteLength < model.size) model.write(byteLength, new Uint8Array(model.size - byteLength));
  model.truncate(Math.ceil(byteLength / PAGE) * PAGE);
}

/** The size that the object gets, as documented; undefined if resizing has to fail. */
function sizeAfter(live: Live, byteLength: number): number | undefined {
  const { object, byteOffset, access } = live;
  if (object.kind === "plain") return object.model.size;
  const { size } = object.model;
  const end = byteOffset + byteLength;
  if (access !== "read-write") return end > size ? undefined : size;
  if (end > size) return end;
  const shrinks = byteOffset + live.byteLength >= size && end < size;
  if (!shrinks) return size;
  return object.sealedSize ? undefined : end;
}

const resize: Operation = {
  name: "resize",
  covers: ["resize"],
  weight: 6,
  run(world): void {
    const live = world.pickRegion();
    if (live === undefined) return;
    const most = Math.max(1, CAPACITY - live.byteOffset - PAGE);
    const byteLength = world.random.once(3)
      ? Math.min(most, live.byteLength + world.random.int(0, 3 * PAGE))
      : world.random.size(most);
    world.note(`region ${live.id} from ${live.byteLength} to ${byteLength}`);
    resizeTo(world, live, byteLength);
  },
};

/** Resizes a region and checks what became of it. */
export function resizeTo(world: World, live: Live, byteLength: number): void {
  const given = arg(world, byteLength);
  // A sealed object would keep a size that no memory is large enough for.
  const wanted = Number.isSafeInteger(given) && given > CAPACITY ? NaN : given;
  const outcome = attempt(() => live.region.resize(wanted));
  if (!world.tame && !outcome.ok) return;
  if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "resize()");
  if (isBusy(live, outcome)) return;
  const size = sizeAfter(live, byteLength);
  if (size === undefined) {
    expect(!outcome.ok, "resize() to what the object cannot be");
    return;
  }
  const gone = live.stolen !== undefined || live.pinned;
  if (gone && !staysInReserve(live, byteLength)) {
    mustThrow(outcome, TypeError, "resize() without the buffer");
    if (live.stolen !== undefined) return checkSizeOf(live.object, live.object.model.size);
    // It turned out only when the object had been extended. That cannot be taken back where it is
    // sealed, or where somebody has written behind the old end.
    healOverlays(live);
    const taken = !live.object.sealedSize && sizeOf(live.object) !== size;
    return checkSizeOf(live.object, taken ? live.object.model.size : size);
  }
  mustSucceed(outcome, "resize()");
  if (live.object.kind !== "plain") live.object.model.truncate(size);
  applyLength(live, byteLength);
  checkFacts(live);
  checkSizeOf(live.object, size);
  checkContent(world, live, 4);
}

/** What a resize does first, even if the mapping itself cannot get another length. */
function healOverlays({ overlays }: Live): void {
  for (const { mapping } of overlays) if (mapping.cutOff && !mapping.uncertain) mapping.heal();
}

/** Whether a call failed as another thread works on the memory. That may be over, and not yet known. */
function isBusy(live: Live, outcome: Outcome<unknown>): boolean {
  return live.pending > 0 && outcome.error instanceof Deno.errors.Busy;
}

/** What the object's size must be now; the model takes it over. */
function checkSizeOf(object: TestObject, size: number): void {
  const actual = sizeOf(object);
  expect(actual === undefined || actual === size, `the object has ${actual} bytes, not ${size}`);
  if (object.kind !== "plain" && object.model.size !== size) object.model.truncate(size);
}

function sizeOf({ file }: TestObject): number | undefined {
  return file?.statSync().size;
}

const refresh: Operation = {
  name: "refresh",
  covers: ["refresh"],
  weight: 3,
  run(world): void {
    const live = world.pickRegion();
    if (live === undefined) return;
    world.note(`region ${live.id} with ${live.byteLength} bytes of ${live.object.model.size}`);
    const outcome = attempt(() => live.region.refresh());
    if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "refresh()");
    if (isBusy(live, outcome)) return;
    if (live.object.kind === "plain") return void mustSucceed(outcome, "refresh()");
    const byteLength = live.object.model.size - live.byteOffset;
    if (byteLength === live.byteLength) return void mustSucceed(outcome, "refresh()");
    if (byteLength <= 0) return mustThrow(outcome, RangeError, "refresh()");
    if ((live.stolen !== undefined || live.pinned) && !staysInReserve(live, byteLength)) {
      mustThrow(outcome, TypeError, "refresh() without the buffer");
      return healOverlays(live);
    }
    mustSucceed(outcome, "refresh()");
    applyLength(live, byteLength);
    checkFacts(live);
    checkContent(world, live, 4);
  },
};

/** An object that somebody else can change. */
function pickChangeable(world: World): TestObject | undefined {
  return world.random.pickAny(world.objects.filter(({ file }) => file !== undefined));
}

const truncate: Operation = {
  name: "outside: truncate",
  covers: [],
  weight: 5,
  run(world): void {
    const object = pickChangeable(world);
    if (object === undefined) return;
    const { model, file } = object;
    const { random } = world;
    const size = random.once(3) ? random.int(0, model.size) : random.int(0, CAPACITY - PAGE);
    world.note(`${object.path} from ${model.size} to ${size}`);
    const outcome = attempt(() => file!.truncateSync(size));
    if (object.sealedSize && size < model.size) {
      return mustThrow(outcome, Deno.errors.PermissionDenied, "truncation of sealed memory");
    }
    mustSucceed(outcome, "truncation");
    model.truncate(size);
  },
};

const writeFile: Operation = {
  name: "outside: write",
  covers: [],
  weight: 3,
  run(world): void {
    const object = pickChangeable(world);
    if (object === undefined || object.model.size === 0) return;
    const { model, file } = object;
    const at = world.random.int(0, model.size - 1);
    const bytes = world.random.bytes(world.random.size(model.size - at));
    world.note(`${object.path} ${at} ${bytes.length}`);
    file!.seekSync(at, Deno.SeekMode.Start);
    const outcome = attempt(() => {
      for (let done = 0; done < bytes.length;) done += file!.writeSync(bytes.subarray(done));
    });
    if (object.sealedWrite) {
      return mustThrow(outcome, Deno.errors.PermissionDenied, "a write to sealed memory");
    }
    mustSucceed(outcome, "a write");
    model.write(at, bytes);
  },
};

const readFile: Operation = {
  name: "outside: read",
  covers: [],
  weight: 2,
  run(world): void {
    const object = pickChangeable(world);
    if (object !== undefined) checkFile(object);
  },
};

/** Whether a file holds what the model says. */
export function checkFile({ path, model, file }: TestObject): void {
  if (file === undefined) return;
  const content = new Uint8Array(CAPACITY);
  file.seekSync(0, Deno.SeekMode.Start);
  let size = 0;
  for (let count; (count = file.readSync(content.subarray(size))) !== null && count > 0;) {
    size += count;
  }
  expect(size === model.size, `${path} has ${size} bytes, not ${model.size}`);
  const at = differenceOf(content.subarray(0, size), model);
  expect(at === -1, `${path} holds ${content[at]} at ${at}, not ${model.bytes[at]}`);
}

export const SIZE: readonly Operation[] = [resize, refresh, truncate, writeFile, readFile];
