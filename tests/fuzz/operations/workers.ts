/** Workers that use the memory of regions: in turn with this thread, and at the same time. */

import type { Operation } from "../operation.ts";
import { checkContent, mappedBytes } from "../regions.ts";
import { expect } from "../mismatch.ts";
import type { Live, World } from "../world.ts";
import type { MappingModel } from "../mapping_model.ts";
import type { Memory } from "../worker.ts";

/** Memory that a Worker can use, and what is known of it. */
interface Lent {
  readonly memory: Memory;
  readonly mapping: MappingModel;
  /** Where the region begins in that memory. */
  readonly start: number;
}

function lend(world: World, live: Live): Lent | undefined {
  const overlay = world.random.once(2) ? world.random.pickAny(live.overlays) : undefined;
  if (overlay !== undefined) {
    return { memory: { buffer: overlay.memory.buffer }, mapping: overlay.mapping, start: 0 };
  }
  const whole = live.byteOffset + live.byteLength <= live.object.model.size;
  if (live.sharing === "private" || !whole) return undefined;
  return {
    memory: { handle: live.region.handle(), access: live.grant },
    mapping: live.main,
    start: 0,
  };
}

const turn: Operation = {
  name: "a Worker writes and reads",
  covers: ["handle", "sharedBuffer"],
  weight: 1.5,
  async run(world): Promise<void> {
    const live = world.pickOpen(({ main }) => !main.uncertain);
    const lent = live && lend(world, live);
    if (live === undefined || lent === undefined) return;
    const { object } = live;
    // Places that need no fault: below the end of the object, and in a page that is the object's.
    const own = lent.mapping === live.main; // attached anew: nothing of it is cut off yet
    const mapped = own ? live.byteLength : lent.mapping.byteLength;
    const room = Math.min(mapped, object.model.size - live.byteOffset);
    if (room < 1 || (!own && !isUntouched(lent.mapping))) return;
    const at = world.random.int(0, room - 1);
    const bytes = world.random.bytes(world.random.size(Math.min(room - at, 300)));
    const mayWrite = own ? live.grant === "read-write" : live.access === "read-write";
    const writes = mayWrite ? [{ at, bytes }] : [];
    world.note(`region ${live.id} ${own ? "attached" : "shared"} ${at} ${bytes.length}`);
    const reads = [{ at, byteLength: bytes.length }];
    const [read] = await world.helpers.workers.run({ memory: lent.memory, writes, reads });
    if (mayWrite) {
      object.model.write(live.byteOffset + at, bytes);
      expect(`${read}` === `${bytes}`, "a Worker reads something else than it wrote");
    }
    checkContent(world, live, 3);
  },
};

/** No page of it was absorbed, so that all of it is the object's. */
function isUntouched(mapping: MappingModel): boolean {
  return !mapping.cutOff && !mapping.uncertain;
}

const transferred: Operation = {
  name: "a Worker is given the buffer itself",
  covers: ["buffer"],
  weight: 0.4,
  async run(world): Promise<void> {
    const live = world.pickOpen(({ stolen, pinned, main }) =>
      stolen === undefined && !pinned && !main.uncertain
    );
    if (live === undefined) return;
    const at = live.lead;
    if (!live.main.touchable(0, true) || live.byteOffset >= live.object.model.size) return;
    if (live.object.kind === "plain" && !live.main.touchable(0, true)) return;
    world.note(`region ${live.id}`);
    const { buffer } = live.region;
    live.views = [];
    live.stolen = null;
    const bytes = world.random.bytes(1);
    const job = { memory: { buffer }, writes: [{ at, bytes }], reads: [{ at, byteLength: 1 }] };
    const [read] = await world.helpers.workers.run({ ...job, keep: world.random.once(2) }, [
      buffer,
    ]);
    live.main.write(at, bytes);
    expect(read![0] === bytes[0], "a Worker reads something else than it wrote");
    expect(mappedBytes(live) === undefined, "the buffer is here and there");
  },
};

const hammer: Operation = {
  name: "a Worker touches everything for a while",
  covers: ["sharedBuffer"],
  weight: 0.5,
  async run(world): Promise<void> {
    if (world.hammers.length > 0) return;
    const live = world.pickOpen(({ guard, overlays, stolen, sharing }) =>
      guard && (overlays.length > 0 || (stolen instanceof ArrayBuffer && sharing === "shared"))
    );
    if (live === undefined) return;
    const overlay = world.random.pickAny(live.overlays);
    const mapping = overlay?.mapping ?? live.main;
    const buffer = overlay?.memory.buffer ?? live.stolen!;
    const stop = new Int32Array(new SharedArrayBuffer(4));
    world.note(`region ${live.id} ${overlay === undefined ? "its buffer" : "its shared buffer"}`);
    mapping.beginHammer();
    if (overlay === undefined) live.stolen = null;
    const job = { memory: { buffer }, writes: [], reads: [], stop };
    const { begun, result } = world.helpers.workers.start(
      job,
      overlay === undefined ? [buffer as ArrayBuffer] : [],
    );
    await begun;
    world.hammers.push(async () => {
      Atomics.store(stop, 0, 1);
      await result;
      mapping.hammered--;
    });
  },
};

const stopHammer: Operation = {
  name: "the Worker stops",
  covers: [],
  weight: 3,
  async run(world): Promise<void> {
    await world.hammers.pop()?.();
  },
};

const wait: Operation = {
  name: "wait for other threads",
  covers: [],
  weight: 2,
  async run(world): Promise<void> {
    await Promise.all(world.pending.splice(0));
  },
};

export const WORKERS: readonly Operation[] = [turn, transferred, hammer, stopHammer, wait];
