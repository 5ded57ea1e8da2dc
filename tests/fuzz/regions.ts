/** Regions in the model: how they begin, how they end, and what is checked of them at any time. */

import type { MmapRegion } from "@mmap/mmap";
import { MappingModel, pieces, type Rights } from "./mapping_model.ts";
import { ObjectModel, PAGE } from "./object_model.ts";
import { expect } from "./mismatch.ts";
import type { Live, Overlay, TestObject, World } from "./world.ts";

/** What a region's making says of it, beside what it says itself. */
export interface Making {
  readonly object: TestObject;
  readonly byteOffset?: number;
  readonly byteLength: number;
  readonly reserved?: number;
  readonly guard?: boolean;
  readonly grant?: Live["grant"];
  readonly unlinks?: boolean;
}

/** Takes note of a region that was made. */
export function adopt(world: World, region: MmapRegion, making: Making): Live {
  const { object, byteOffset = 0, byteLength, reserved = 0, guard = true, unlinks = false } =
    making;
  const { access } = region;
  const lead = byteOffset % PAGE;
  const plain = object.kind === "plain";
  const main = new MappingModel({
    object: object.model,
    fileOffset: byteOffset - lead,
    byteLength: lead + Math.max(byteLength, reserved),
    rights: access === "read" ? "read" : "write",
    copies: access === "copy-on-write",
    plain,
    guarded: guard && !plain, // that of plain memory begins with the first protect()
  });
  const live: Live = {
    id: world.nextId(),
    region,
    object,
    main,
    overlays: [],
    access,
    sharing: region.sharing,
    byteOffset,
    lead,
    reserved,
    guard,
    grant: making.grant ?? access,
    unlinks,
    byteLength,
    closed: false,
    stolen: undefined,
    pinned: false,
    pending: 0,
    views: [],
  };
  world.regions.push(live);
  checkFacts(live);
  return live;
}

/** Memory without a descriptor: an object that nobody else can map. */
export function plainObject(byteLength: number): TestObject {
  return {
    model: new ObjectModel(Math.ceil(byteLength / PAGE) * PAGE),
    kind: "plain",
    path: "",
    file: undefined,
    reachable: false,
    sealedSize: false,
    sealedWrite: false,
  };
}

/** What is left of a region in the model once it was closed, or forgotten. */
export function endModel(world: World, live: Live): void {
  live.closed = true;
  live.main.end();
  // Views that nobody can take away are left zeros, and so is whoever uses them.
  if (live.pinned || live.stolen !== undefined) live.main.changes++;
  for (const { mapping } of live.overlays) mapping.end();
  const { object } = live;
  if (!live.unlinks) return;
  for (const [name, there] of world.names) {
    if (there !== object) continue;
    world.names.delete(name);
    object.reachable = false;
  }
}

/** Everything that a region says of itself, at any time. */
export function checkFacts(live: Live): void {
  const { region, closed } = live;
  const said = [region.access, region.sharing, region.byteOffset, region.closed, region.byteLength];
  const known = [live.access, live.sharing, live.byteOffset, closed, closed ? 0 : live.byteLength];
  expect(`${said}` === `${known}`, `region ${live.id} says ${said}, and is ${known}`);
  const kind = live.object.kind;
  const kinds = { file: "file", named: "named", memfd: "anonymous", plain: "anonymous" };
  expect(region.kind === kinds[kind], `region ${live.id} is a ${region.kind}, not a ${kind}`);
  const mappings = [live.main, ...live.overlays.map(({ mapping }) => mapping)];
  if (mappings.some(({ faultsUncertain }) => faultsUncertain)) return;
  const faults = mappings.reduce((sum, mapping) => sum + mapping.faults, 0);
  expect(region.faults === faults, `region ${live.id} has ${region.faults} faults, not ${faults}`);
}

/** The bytes of a region's whole mapping; undefined if they are out of reach. */
export function mappedBytes(live: Live): Uint8Array | undefined {
  if (live.closed || live.stolen === null) return undefined;
  return new Uint8Array(live.stolen ?? live.region.buffer);
}

/** Compares some pages of a region with the model, where touching them is no fault. */
export function checkContent(world: World, live: Live, most: number): void {
  const bytes = mappedBytes(live);
  if (bytes === undefined) return;
  const pages = Math.ceil((live.lead + live.byteLength) / PAGE);
  comparePages(world, live, live.main, bytes, pages, most);
  for (const { memory, mapping } of live.overlays) {
    comparePages(world, live, mapping, new Uint8Array(memory.buffer), mapping.pages, most);
  }
}

function comparePages(
  world: World,
  live: Live,
  mapping: MappingModel,
  bytes: Uint8Array,
  pages: number,
  most: number,
): void {
  const count = Math.min(most, pages);
  const first = count === pages ? 0 : world.random.int(0, pages - count);
  for (let page = first; page < first + count; page++) {
    if (!mapping.touchable(page, false)) continue;
    const expected = mapping.expected(page);
    if (expected === undefined) continue;
    const at = differenceOf(bytes.subarray(page * PAGE, (page + 1) * PAGE), expected);
    if (at === -1) continue;
    expect(
      false,
      `region ${live.id}${mapping === live.main ? "" : " (shared buffer)"}, page ${page}, ` +
        `byte ${at}: ${bytes[page * PAGE + at]} instead of ${expected.bytes[at]}`,
    );
  }
}

/** Where known bytes differ, as far as both sides reach; -1 if they do not. */
export function differenceOf(
  actual: Uint8Array,
  { bytes, unknown }: { bytes: Uint8Array; unknown: Uint8Array | undefined },
): number {
  const length = Math.min(actual.length, bytes.length);
  for (let i = 0; i < length; i++) {
    if (actual[i] !== bytes[i] && unknown?.[i] !== 1) return i;
  }
  return -1;
}

/** The rights of a region as it was made. */
export function ownRights(live: Live): Rights {
  return live.access === "read" ? "read" : "write";
}

/** A place to touch: an offset in the region and a length that stays inside it. */
export function pickSpan(world: World, live: Live): { at: number; byteLength: number } {
  const at = world.random.int(0, live.byteLength - 1);
  return { at, byteLength: world.random.size(Math.min(live.byteLength - at, 3 * PAGE)) };
}

/** Whether an access to a part of a region gives no fault. */
export function spanTouchable(
  live: Live,
  mapping: MappingModel,
  at: number,
  byteLength: number,
  write: boolean,
): boolean {
  return [...pieces(live.lead + at, byteLength)].every(({ page }) =>
    mapping.touchable(page, write)
  );
}

/** Makes the model of each page of a span take an access. */
export function touchSpan(
  mapping: MappingModel,
  byteOffset: number,
  byteLength: number,
  write: boolean,
): void {
  for (const { page } of pieces(byteOffset, byteLength)) mapping.touch(page, write);
}

/** The pages that a widened range covers. */
export function pagesOf(live: Live, at: number, byteLength: number): [number, number] {
  const first = Math.floor((live.lead + at) / PAGE);
  return [first, Math.ceil((live.lead + at + byteLength) / PAGE)];
}

/** The latest overlay, if the region has had its length since that was made. */
export function presentOverlay(live: Live): Overlay | undefined {
  const latest = live.overlays.at(-1);
  return latest?.regionByteLength === live.byteLength ? latest : undefined;
}
