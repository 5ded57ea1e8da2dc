/** The ends of regions. */

import { markAsUntransferable } from "node:worker_threads";
import { arg } from "../hostile.ts";
import type { Operation } from "../operation.ts";
import { checkFacts, endModel } from "../regions.ts";
import { attempt, mustSucceed, mustThrow } from "../verdict.ts";
import { expect } from "../mismatch.ts";
import type { Live, World } from "../world.ts";

/** Views must be gone, unless the buffer went elsewhere. */
export function checkViewsGone(live: Live): void {
  if (live.stolen === undefined && !live.pinned) {
    for (const view of live.views) {
      expect(
        (view.buffer as ArrayBuffer).detached && byteLengthOf(view) === 0,
        "a view outlived its region",
      );
    }
  }
  live.views = [];
}

/** A DataView of a detached buffer throws. */
function byteLengthOf(view: ArrayBufferView): number {
  return view instanceof DataView ? 0 : view.byteLength;
}

/** Closes a region, one way or the other, and looks at what is left. */
export function closeRegion(world: World, live: Live): void {
  if (live.closed) return;
  world.note(`close region ${live.id}`);
  if (world.random.once(2)) live.region.close();
  else live.region[Symbol.dispose]();
  endModel(world, live);
  checkFacts(live);
  checkViewsGone(live);
  checkWithdrawn(live);
}

/** What Workers and others still hold reads as zeros. */
function checkWithdrawn(live: Live): void {
  for (const { memory } of live.overlays) {
    const bytes = new Uint8Array(memory.buffer);
    expect(bytes[0] === 0 && bytes.at(-1) === 0, "a shared buffer has bytes of a closed region");
    bytes[0] = 1; // goes nowhere
    bytes[0] = 0;
  }
  // The memory itself stays until other threads are done with it.
  if (!live.stolen || live.pending > 0) return;
  const bytes = new Uint8Array(live.stolen);
  expect(bytes[0] === 0, "a transferred buffer has bytes of a closed region");
  bytes.fill(1);
}

const close: Operation = {
  name: "close",
  covers: ["close", "Symbol(Symbol.dispose)"],
  weight: 4,
  run(world): void {
    const live = world.pickRegion();
    if (live === undefined) return;
    closeRegion(world, live);
    live.region.close();
    live.region[Symbol.dispose]();
  },
};

/** Everything else than the few things that stay readable. */
const useAfterClose: Operation = {
  name: "use after close",
  covers: [],
  weight: 3,
  run(world): void {
    const live = world.random.pickAny(world.regions.filter(({ closed }) => closed));
    if (live === undefined) return;
    const { region } = live;
    const calls: (() => unknown)[] = [
      () => region.bytes,
      () => region.buffer,
      () => region.view(Uint8Array),
      () => region.dataView(),
      () => region.flushSync(),
      () => region.advise("normal"),
      () => region.populateSync(),
      () => region.protect("read"),
      () => region.lockPages(),
      () => region.unlockPages(),
      () => region.residency(),
      () => region.discard(),
      () => region.resize(5),
      () => region.refresh(),
      () => region.check(),
      () => region.repair(),
      () => region.tryRead(new Uint8Array(1), 0),
      () => region.tryWrite(new Uint8Array(1), 0),
      () => region.probe(),
      () => region.handle(),
      () => region.env(),
      () => region.shareWith({}),
      () => region.sharedBuffer(),
      () => region.wasmMemory(),
      () => region.stats(),
    ];
    const call = world.random.pick(calls);
    mustThrow(attempt(call), Deno.errors.BadResource, `${call} after close`);
    checkFacts(live);
  },
};

/** Takes the memory away from the region by the language's own means. */
const transfer: Operation = {
  name: "transfer the buffer",
  covers: ["buffer"],
  weight: 1,
  run(world): void {
    const live = world.pickOpen(({ stolen, pinned }) => stolen === undefined && !pinned);
    if (live === undefined) return;
    world.note(`region ${live.id}`);
    const { buffer } = live.region;
    const way = world.random.int(0, 3);
    if (way === 0) {
      live.stolen = structuredClone(buffer, { transfer: [buffer] });
    } else if (way === 1) {
      live.stolen = buffer.transfer();
    } else if (way === 2) {
      buffer.transfer(0);
      live.stolen = null;
    } else {
      markAsUntransferable(buffer);
      live.pinned = true;
      return;
    }
    expect(buffer.detached, "a transferred buffer is not detached");
    live.views = [];
    mustThrow(attempt(() => live.region.bytes), TypeError, "bytes of a transferred buffer");
  },
};

/** Leaves an open region to the garbage collector. */
const forget: Operation = {
  name: "forget",
  covers: [],
  weight: 0.4,
  run(world): void {
    const live = world.pickOpen(({ main, overlays, pending }) =>
      pending === 0 && [main, ...overlays.map(({ mapping }) => mapping)]
        .every(({ hammered }) => hammered === 0)
    );
    if (live === undefined) return;
    world.note(`region ${live.id}`);
    for (const [name, object] of world.names) {
      if (live.unlinks && object === live.object) world.vagueNames.add(name);
    }
    endModel(world, live);
    world.regions = world.regions.filter((other) => other !== live);
    world.forgotten++;
    if (world.random.once(10)) collectGarbage();
  },
};

/** Needs --expose-gc. */
export function collectGarbage(): void {
  (globalThis as unknown as { gc(): void }).gc();
}

const inspect: Operation = {
  name: "inspect",
  covers: [
    "constructor",
    "Symbol(Deno.customInspect)",
    "kind",
    "name",
    "access",
    "sharing",
    "byteLength",
    "byteOffset",
    "closed",
    "faults",
  ],
  weight: 2,
  run(world): void {
    const live = world.pickRegion();
    if (live === undefined) return;
    const { region } = live;
    checkFacts(live);
    const text = Deno.inspect(region);
    expect(text.startsWith("MmapRegion {"), `inspect() says ${text}`);
    const named = live.object.kind === "named";
    expect(named === (region.name !== ""), `region ${live.id} is called "${region.name}"`);
    const Region = region.constructor as new (core: unknown) => unknown;
    mustThrow(attempt(() => new Region(arg(world, {}))), TypeError, "new MmapRegion()");
    mustSucceed(attempt(() => region.faults), "faults");
  },
};

export const CLOSE: readonly Operation[] = [close, useAfterClose, transfer, forget, inspect];
