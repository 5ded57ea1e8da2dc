/** What other programs do to the objects: names, rights, and processes that die. */

import { formatHandle, MmapRegion } from "@mmap/mmap";
import { PAGE } from "../object_model.ts";
import type { Operation } from "../operation.ts";
import { checkContent, spanTouchable } from "../regions.ts";
import { attempt } from "../verdict.ts";
import type { World } from "../world.ts";
import { pickFile } from "./make.ts";

const chmod: Operation = {
  name: "outside: chmod",
  covers: [],
  weight: 1,
  run(world): void {
    if (Deno.uid() !== 0) return; // others would lock themselves out
    const { path } = pickFile(world);
    Deno.chmodSync(path, world.random.pick([0o000, 0o444, 0o600, 0o200]));
  },
};

const unlink: Operation = {
  name: "outside: unlink",
  covers: [],
  weight: 1,
  run(world): void {
    const object = pickFile(world);
    world.note(object.path);
    Deno.removeSync(object.path);
    object.reachable = false;
  },
};

const rename: Operation = {
  name: "outside: rename over",
  covers: [],
  weight: 1,
  run(world): void {
    const object = pickFile(world);
    const path = `${object.path}.new`;
    Deno.writeFileSync(path, new Uint8Array(PAGE).fill(9));
    world.note(object.path);
    Deno.renameSync(path, object.path);
    object.reachable = false; // what is at its path is another file
  },
};

const peer: Operation = {
  name: "outside: a process attaches, writes and is killed",
  covers: ["handle"],
  weight: 0.08,
  async run(world): Promise<void> {
    const live = world.pickOpen((one) =>
      one.sharing === "shared" && one.grant === "read-write" && one.main.touchable(0, true) &&
      one.byteOffset + one.byteLength <= one.object.model.size &&
      spanTouchable(one, one.main, 0, 1, true)
    );
    if (live === undefined) return;
    const bytes = world.random.bytes(Math.min(live.byteLength, 64));
    world.note(`region ${live.id}`);
    const handle = live.region.handle();
    await world.helpers.peers.performAndKill({ handle, at: 0, bytes: [...bytes] });
    live.object.model.write(live.byteOffset, bytes);
    checkContent(world, live, 2);
  },
};

/** Has another process make a named object and die as its owner. */
export async function orphan(world: World, name: string): Promise<void> {
  const task = { name, byteLength: PAGE, at: 0, bytes: [1] };
  await world.helpers.peers.performAndKill(task);
}

/** A handle whose numbers were changed, as by somebody who guesses. */
const forge: Operation = {
  name: "outside: forge a handle",
  covers: ["static attach"],
  weight: 1,
  run(world): void {
    const live = world.pickOpen(({ object }) => object.kind !== "plain");
    if (live === undefined) return;
    forgeAndAttach(world, formatHandle(live.region.handle()));
  },
};

function forgeAndAttach(world: World, text: string): void {
  const at = world.random.int(0, text.length - 1);
  const forged = text.slice(0, at) + world.random.pick(["0", "9", "%", "&", ""]) +
    text.slice(at + 1);
  world.note(forged);
  const outcome = attempt(() => MmapRegion.attach(forged, { access: "read" }));
  if (outcome.ok) outcome.value.close();
}

export const OUTSIDE: readonly Operation[] = [chmod, unlink, rename, peer, forge];
