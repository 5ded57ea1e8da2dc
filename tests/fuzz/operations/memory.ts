/** Reading and writing: views, plain accesses, and the copies that never fault. */

import type { TypedArrayConstructor } from "@mmap/mmap";
import { arg, badValue } from "../hostile.ts";
import { type MappingModel, pieces } from "../mapping_model.ts";
import { PAGE } from "../object_model.ts";
import type { Operation } from "../operation.ts";
import {
  checkContent,
  mappedBytes,
  pagesOf,
  pickSpan,
  spanTouchable,
  touchSpan,
} from "../regions.ts";
import { attempt, mustSucceed, mustThrow } from "../verdict.ts";
import { expect } from "../mismatch.ts";
import type { Live, World } from "../world.ts";

/** Whether the region itself still has its buffer. */
function hasBuffer(live: Live): boolean {
  return !live.closed && live.stolen === undefined;
}

const bytes: Operation = {
  name: "bytes",
  covers: ["bytes", "buffer"],
  weight: 4,
  run(world): void {
    const live = world.pickRegion();
    if (live === undefined) return;
    const { region } = live;
    const outcome = attempt(() => region.bytes);
    if (!hasBuffer(live)) return expect(!outcome.ok, "bytes of a region without a buffer");
    const view = mustSucceed(outcome, "bytes");
    expect(view === region.bytes && view.buffer === region.buffer, "bytes changes");
    expect(view.byteOffset === live.lead && view.byteLength === live.byteLength, "bytes is wrong");
    expect(region.buffer.byteLength === live.main.byteLength, "buffer has another length");
    live.views.push(view);
  },
};

const TYPES = [
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as unknown as TypedArrayConstructor<Uint8Array>[];

const view: Operation = {
  name: "view",
  covers: ["view"],
  weight: 5,
  run(world): void {
    const live = world.pickRegion();
    if (live === undefined) return;
    const { random } = world;
    const type = random.pick(TYPES);
    const size = type.BYTES_PER_ELEMENT;
    const at = random.once(4) ? 0 : random.int(0, live.byteLength + 8);
    const length = random.once(2)
      ? undefined
      : random.int(0, Math.ceil(live.byteLength / size) + 1);
    world.note(`region ${live.id} ${type.name} ${at} ${length}`);
    const outcome = attempt(() =>
      live.region.view(arg(world, type), arg(world, at), arg(world, length))
    );
    if (!world.tame) return;
    if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "view()");
    if (!hasBuffer(live)) return expect(!outcome.ok, "a view of a region without a buffer");
    const room = live.byteLength - at;
    const fits = length === undefined ? room >= 0 : length * size <= room;
    if (!fits || (live.lead + at) % size !== 0) return mustThrow(outcome, RangeError, "view()");
    const made = mustSucceed(outcome, "view()");
    expect(made.byteOffset === live.lead + at, "a view begins elsewhere");
    expect(made.length === (length ?? Math.floor(room / size)), "a view has another length");
    live.views.push(made);
  },
};

const dataView: Operation = {
  name: "dataView",
  covers: ["dataView"],
  weight: 3,
  run(world): void {
    const live = world.pickRegion();
    if (live === undefined) return;
    const { random } = world;
    const at = random.int(0, live.byteLength + 2);
    const length = random.once(2) ? undefined : random.int(0, live.byteLength);
    const outcome = attempt(() => live.region.dataView(arg(world, at), arg(world, length)));
    if (!world.tame) return;
    if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "dataView()");
    if (!hasBuffer(live)) return expect(!outcome.ok, "a view of a region without a buffer");
    const room = live.byteLength - at;
    if (room < 0 || (length ?? 0) > room) return mustThrow(outcome, RangeError, "dataView()");
    const made = mustSucceed(outcome, "dataView()");
    expect(made.byteLength === (length ?? room), "a DataView has another length");
    live.views.push(made);
  },
};

/** The memory of a region: its own, or that of its shared buffer. */
function pickMemory(
  world: World,
  live: Live,
): { memory: Uint8Array; mapping: MappingModel } | undefined {
  const overlay = world.random.once(3) ? world.random.pickAny(live.overlays) : undefined;
  if (overlay !== undefined) {
    return { memory: new Uint8Array(overlay.memory.buffer), mapping: overlay.mapping };
  }
  const memory = mappedBytes(live);
  return memory === undefined ? undefined : { memory, mapping: live.main };
}

/** Where the object ends; what is written behind it, in its last page, nobody knows. */
function objectRoom(mapping: MappingModel): number {
  return mapping.spec.object.size - mapping.spec.fileOffset;
}

const access: Operation = {
  name: "access",
  covers: ["bytes"],
  weight: 14,
  run(world): void {
    const live = world.pickOpen();
    const place = live && pickMemory(world, live);
    if (live === undefined || place === undefined) return;
    const { memory, mapping } = place;
    const { random } = world;
    const { at, byteLength } = pickSpan(world, live);
    const start = Math.min(live.lead + at, mapping.byteLength - 1);
    const length = Math.min(byteLength, mapping.byteLength - start);
    const write = random.once(2);
    const safe = [...pieces(start, length)].every(({ page }) => mapping.touchable(page, write));
    // Where nothing absorbs a fault, it ends the process, as it should.
    if (!safe && !mapping.spec.guarded) return;
    world.note(`region ${live.id} ${write ? "write" : "read"} ${start} ${length}`);
    if (!write) {
      touchSpan(mapping, start, length, false);
      memory.slice(start, start + length);
      return checkContent(world, live, 4);
    }
    const source = random.bytes(length);
    for (const { page, from, to, at: done } of pieces(start, length)) {
      mapping.touch(page, true);
      const known = mapping.missing(page) ? 0 : to - from;
      const part = source.subarray(done, done + known);
      memory.set(part, page * PAGE + from);
      mapping.write(page * PAGE + from, part);
    }
    checkContent(world, live, 4);
  },
};

/** A byte here and there, by single loads and stores of every size. */
const accessViews: Operation = {
  name: "access by views",
  covers: ["view", "dataView"],
  weight: 4,
  run(world): void {
    const live = world.pickOpen(hasBuffer);
    if (live === undefined || live.byteLength < 16) return;
    const { random } = world;
    const at = random.int(0, live.byteLength - 16);
    if (!spanTouchable(live, live.main, at, 8, true)) return;
    if (live.lead + at + 8 > objectRoom(live.main)) return;
    const data = live.region.dataView(at, 8);
    const source = random.bytes(8);
    const value = new DataView(source.buffer);
    if (random.once(2)) data.setFloat64(0, value.getFloat64(0));
    else data.setBigUint64(0, value.getBigUint64(0));
    const written = new Uint8Array(8);
    new DataView(written.buffer).setBigUint64(0, data.getBigUint64(0)); // a NaN may have other bits
    live.main.write(live.lead + at, written);
    checkContent(world, live, 3);
  },
};

/** How far a copy gets: up to the first page that cannot be touched. */
function reachable(live: Live, at: number, byteLength: number, write: boolean): number {
  let count = 0;
  for (const { page, from, to } of pieces(live.lead + at, byteLength)) {
    if (!live.main.touchable(page, write)) break;
    count += to - from;
  }
  return count;
}

/** The other end of a copy: plain memory, mostly. */
function otherEnd(world: World, byteLength: number): Uint8Array {
  const { random } = world;
  if (random.once(4)) return new Uint8Array(new SharedArrayBuffer(byteLength));
  if (random.once(4)) {
    return new Uint8Array(new ArrayBuffer(byteLength, { maxByteLength: 1 << 20 }));
  }
  return new Uint8Array(byteLength + 3).subarray(3);
}

const tryRead: Operation = {
  name: "tryRead",
  covers: ["tryRead"],
  weight: 6,
  run(world): void {
    const live = world.pickRegion();
    if (live === undefined) return;
    const { random } = world;
    const target = otherEnd(world, random.size(4 * PAGE) - 1);
    const at = random.int(0, live.byteLength + 2);
    world.note(`region ${live.id} ${at} ${target.length}`);
    const outcome = attempt(() => live.region.tryRead(arg(world, target), arg(world, at)));
    if (!world.tame) return;
    if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "tryRead()");
    const room = live.byteLength - at;
    if (room < 0) return mustThrow(outcome, RangeError, "tryRead()");
    const count = mustSucceed(outcome, "tryRead()");
    const wanted = Math.min(room, target.length);
    if (live.main.uncertain) return;
    const known = reachable(live, at, wanted, false);
    expect(count === known, `tryRead() copied ${count} of ${wanted}, not ${known}`);
    compareCopied(live, at, target.subarray(0, count));
  },
};

function compareCopied(live: Live, at: number, copied: Uint8Array): void {
  for (const { page, from, at: done } of pieces(live.lead + at, copied.length)) {
    const expected = live.main.expected(page);
    if (expected === undefined) continue;
    const last = Math.min(expected.bytes.length, from + copied.length - done, PAGE);
    for (let i = from; i < last; i++) {
      const right = copied[done + i - from] === expected.bytes[i] || expected.unknown?.[i] === 1;
      expect(right, `tryRead() read another byte ${i} of page ${page}`);
    }
  }
}

const tryWrite: Operation = {
  name: "tryWrite",
  covers: ["tryWrite"],
  weight: 6,
  run(world): void {
    const live = world.pickRegion();
    if (live === undefined) return;
    const { random } = world;
    const source = otherEnd(world, random.size(4 * PAGE) - 1);
    source.set(random.bytes(source.length));
    const at = random.int(0, live.byteLength + 2);
    world.note(`region ${live.id} ${at} ${source.length}`);
    const outcome = attempt(() => live.region.tryWrite(arg(world, source), arg(world, at)));
    if (!outcome.ok && !world.tame) return;
    if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "tryWrite()");
    const room = live.byteLength - at;
    if (world.tame && room < 0) return mustThrow(outcome, RangeError, "tryWrite()");
    const count = mustSucceed(outcome, "tryWrite()");
    const wanted = Math.min(room, source.length);
    const known = reachable(live, at, wanted, true);
    if (!live.main.uncertain) {
      expect(count === known, `tryWrite() copied ${count} of ${wanted}, not ${known}`);
    }
    live.main.write(live.lead + at, source.subarray(0, count));
    checkContent(world, live, 3);
  },
};

/** Copies between a region and things that are no plain memory; only that it ends well counts. */
const tryCopyAnything: Operation = {
  name: "tryRead and tryWrite of anything",
  covers: ["tryRead", "tryWrite"],
  weight: 0.4,
  run(world): void {
    const live = world.pickRegion();
    const other = world.pickOpen(hasBuffer);
    if (live === undefined || other === undefined) return;
    const detached = new Uint8Array(8);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    const values = [detached, new DataView(new ArrayBuffer(8)), new Uint8ClampedArray(3)];
    const value = world.random.once(2) ? badValue(world) : world.random.pick(values);
    attempt(() => live.region.tryRead(value as Uint8Array, 0));
    attempt(() => live.region.tryWrite(value as Uint8Array, 0));
    if (live.closed) return;
    // From a region's own bytes, where pages may be missing: the kernel notices that at both ends.
    const count = mustSucceed(
      attempt(() => live.region.tryWrite(other.region.bytes, 0)),
      "tryWrite",
    );
    expect(count <= other.byteLength, "tryWrite() copied more than there is");
    // The kernel makes the target's pages writable before it looks for the source's: a private
    // mapping may have copied all of them, though not a byte was written.
    live.main.populate(...pagesOf(live, 0, Math.min(live.byteLength, other.byteLength)), false);
    forgetSpan(live, count);
  },
};

function forgetSpan(live: Live, byteLength: number): void {
  const { main } = live;
  const { object, fileOffset, copies } = main.spec;
  const pages = Math.ceil((live.lead + byteLength) / PAGE);
  if (!copies) object.forget(fileOffset + live.lead, fileOffset + live.lead + byteLength);
  if (byteLength > 0) main.forgetPages(0, pages);
}

export const MEMORY: readonly Operation[] = [
  bytes,
  view,
  dataView,
  access,
  accessViews,
  tryRead,
  tryWrite,
  tryCopyAnything,
];
