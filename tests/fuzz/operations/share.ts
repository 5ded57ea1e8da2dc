/** Passing regions on: by handle, by environment, by socket, to Workers, as shared buffers. */

import {
  type Access,
  formatHandle,
  type MapOptions,
  MmapRegion,
  receiveRegion,
  sendRegion,
} from "@mmap/mmap";
import { arg, bag } from "../hostile.ts";
import { MappingModel } from "../mapping_model.ts";
import { PAGE } from "../object_model.ts";
import type { Operation } from "../operation.ts";
import { checkContent, ownRights, presentOverlay } from "../regions.ts";
import { attempt, attemptAsync, mustSucceed, mustThrow, type Outcome } from "../verdict.ts";
import { expect } from "../mismatch.ts";
import type { Live, World } from "../world.ts";
import { commonOptions, makeRoom, pickWindow, take } from "./make.ts";

/** Whether the object still is where handles say, as long as the region is. */
function isWhole(live: Live): boolean {
  return live.byteOffset + live.byteLength <= live.object.model.size;
}

/** Options to attach with: at most what the handle grants. */
function attachOptions(world: World, live: Live): MapOptions {
  const { random } = world;
  const { byteOffset, byteLength } = pickWindow(world, live.byteLength);
  const options: MapOptions = commonOptions(world, byteLength);
  if (random.once(2)) Object.assign(options, { byteOffset, byteLength });
  if (random.once(2)) options.access = random.pick(["read", "read-write", "copy-on-write"]);
  return options;
}

function grants(granted: Access, wanted: Access | undefined): boolean {
  return wanted !== "read-write" || granted === "read-write";
}

/** Takes a region over that was attached to another one. */
function takeTwin(
  world: World,
  live: Live,
  options: MapOptions,
  outcome: Outcome<MmapRegion>,
): void {
  if (world.tame && !grants(live.grant, options.access)) {
    return mustThrow(outcome, Deno.errors.PermissionDenied, "attaching with more access");
  }
  if (world.tame && isWhole(live)) mustSucceed(outcome, "attaching");
  if (world.tame && !isWhole(live)) mustThrow(outcome, RangeError, "attaching to a shorter object");
  if (!outcome.ok) return;
  const { object } = live;
  take(world, outcome, options, { object, byteOffset: outcome.value.byteOffset });
}

const attach: Operation = {
  name: "attach",
  covers: ["static attach", "handle", "toJSON"],
  weight: 7,
  run(world): void {
    makeRoom(world);
    const live = world.pickRegion();
    if (live === undefined) return;
    const made = attempt(() => live.region.handle());
    const json = mustSucceed(attempt(() => JSON.stringify(live.region)), "toJSON()");
    expect(json === JSON.stringify(made.ok ? made.value : null), `toJSON() gives ${json}`);
    if (live.closed) return mustThrow(made, Deno.errors.BadResource, "handle()");
    if (live.object.kind === "plain") return mustThrow(made, Deno.errors.NotSupported, "handle()");
    const handle = mustSucceed(made, "handle()");
    const options = attachOptions(world, live);
    world.note(`to region ${live.id} ${Deno.inspect(options, { breakLength: 1000 })}`);
    const given = world.random.once(2) ? formatHandle(handle) : bag(world, handle);
    const outcome = attempt(() => MmapRegion.attach(arg(world, given), bag(world, options)));
    takeTwin(world, live, options, outcome);
  },
};

const fromEnv: Operation = {
  name: "env, fromEnv",
  covers: ["env", "static fromEnv", "shareWith"],
  weight: 3,
  run(world): void {
    makeRoom(world);
    const live = world.pickOpen(({ object }) => object.kind !== "plain");
    if (live === undefined) return;
    const variable = world.random.once(2) ? undefined : "FUZZ_REGION";
    const { env } = world.random.once(2)
      ? live.region.shareWith({ args: ["x"], env: { OTHER: "1" } }, variable)
      : { env: live.region.env(variable) };
    const [name, value] = Object.entries(env).find(([key]) => key !== "OTHER")!;
    world.note(`to region ${live.id} by ${name}`);
    const missing = attempt(() => MmapRegion.fromEnv(arg(world, "NO_SUCH_REGION")));
    expect(!missing.ok, "fromEnv() of no variable");
    Deno.env.set(name, value);
    const outcome = attempt(() => MmapRegion.fromEnv(variable));
    Deno.env.delete(name);
    world.tame = true;
    takeTwin(world, live, {}, outcome);
  },
};

const pass: Operation = {
  name: "sendRegion, receiveRegion",
  covers: [],
  weight: 0.2,
  async run(world): Promise<void> {
    makeRoom(world);
    const live = world.pickOpen(({ object }) => object.kind !== "plain");
    if (live === undefined) return;
    const path = `${world.directories[1]}/socket-${world.nextId()}`;
    world.note(`region ${live.id} ${path}`);
    const [sent, received] = await Promise.all([
      attemptAsync(() => sendRegion(live.region, path)),
      attemptAsync(() => receiveRegion(path)),
    ]);
    mustSucceed(sent, "sendRegion()");
    takeTwin(world, live, {}, received);
  },
};

const sharedBuffer: Operation = {
  name: "sharedBuffer, wasmMemory",
  covers: ["sharedBuffer", "wasmMemory"],
  weight: 2.5,
  run(world): void {
    const live = world.pickRegion();
    if (live === undefined) return;
    world.note(`region ${live.id}`);
    const outcome = attempt(() => live.region.wasmMemory());
    if (live.closed) return mustThrow(outcome, Deno.errors.BadResource, "wasmMemory()");
    if (live.sharing === "private") {
      return mustThrow(outcome, Deno.errors.NotSupported, "wasmMemory() of private memory");
    }
    if (live.lead !== 0) return mustThrow(outcome, RangeError, "wasmMemory() inside a page");
    const memory = mustSucceed(outcome, "wasmMemory()");
    expect(
      memory.buffer === live.region.sharedBuffer() as unknown,
      "sharedBuffer() is another one",
    );
    expect(memory.buffer.byteLength === Math.ceil(live.byteLength / 65536) * 65536, "wrong length");
    const known = presentOverlay(live);
    if (known !== undefined) return expect(known.memory === memory, "wasmMemory() changes");
    const mapping = new MappingModel({
      object: live.object.model,
      fileOffset: live.byteOffset,
      byteLength: Math.ceil(live.byteLength / PAGE) * PAGE,
      rights: ownRights(live),
      copies: false,
      plain: false,
      borrowed: true,
      guarded: live.guard,
    });
    live.overlays.push({ memory, mapping, regionByteLength: live.byteLength });
    checkContent(world, live, 3);
  },
};

export const SHARE: readonly Operation[] = [attach, fromEnv, pass, sharedBuffer];
