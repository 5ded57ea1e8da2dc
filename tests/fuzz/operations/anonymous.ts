/** Memory without a name. */

import { MmapRegion } from "@mmap/mmap";
import { arg, bag } from "../hostile.ts";
import { expect } from "../mismatch.ts";
import { ObjectModel } from "../object_model.ts";
import type { Operation } from "../operation.ts";
import { plainObject } from "../regions.ts";
import { attempt, mustSucceed } from "../verdict.ts";
import type { TestObject } from "../world.ts";
import { commonOptions, LARGEST, makeRoom, take } from "./make.ts";

const anonymous: Operation = {
  name: "anonymous",
  covers: ["static anonymous"],
  weight: 8,
  run(world): void {
    makeRoom(world);
    const { random } = world;
    const byteLength = random.size(LARGEST);
    const shared = random.once(2);
    const common = commonOptions(world, byteLength);
    const options = {
      ...common,
      sharing: shared ? "shared" as const : "private" as const,
      ...(random.once(3) ? { label: "fuzz" } : {}),
      ...(shared && random.once(4) ? { seal: "write" as const } : {}),
      ...(random.once(3) ? { resizable: true } : {}),
    };
    world.note(`${byteLength} ${Deno.inspect(options, { breakLength: 1000 })}`);
    const outcome = attempt(() =>
      MmapRegion.anonymous(arg(world, byteLength), bag(world, options))
    );
    if (world.tame) mustSucceed(outcome, "anonymous()");
    if (!outcome.ok) return;
    if (!world.tame) return outcome.value.close();
    const held = typeof common.reserve === "number" ? common.reserve : 0;
    const object = shared
      ? memfdObject(outcome.value, byteLength, options)
      : plainObject(Math.max(byteLength, held));
    if (shared) world.objects.push(object);
    const grant = options.seal === "write" ? "read" as const : "read-write" as const;
    take(world, outcome, options, { object, grant });
  },
};

function memfdObject(
  region: MmapRegion,
  byteLength: number,
  options: { seal?: "write"; resizable?: boolean },
): TestObject {
  return {
    model: new ObjectModel(byteLength),
    kind: "memfd",
    path: "",
    // As another process would open it that knows the number.
    file: Deno.openSync(`/proc/self/fd/${region.handle().fd}`, { read: true, write: true }),
    reachable: false,
    sealedSize: options.resizable !== true,
    sealedWrite: options.seal === "write",
  };
}

const huge: Operation = {
  name: "huge sizes",
  covers: ["static anonymous"],
  weight: 0.3,
  run(world): void {
    const byteLength = 2 ** world.random.int(30, 52) + world.random.int(-5000, 5000);
    const sharing = world.random.pick(["shared", "private"] as const);
    const reserve = world.random.pick([false, byteLength]);
    world.note(`${byteLength} ${sharing} ${reserve}`);
    const size = reserve === false ? byteLength : 1;
    const outcome = attempt(() => MmapRegion.anonymous(size, { sharing, reserve }));
    if (!outcome.ok) return;
    using region = outcome.value;
    const written = attempt(() => region.bytes[size - 1] = 7);
    if (written.ok) expect(region.bytes[size - 1] === 7, "a huge region forgot its last byte");
    attempt(() => region.view(Float64Array));
    attempt(() => region.resize(world.random.int(1, 2 ** 53 - 1)));
  },
};

export const ANONYMOUS: readonly Operation[] = [anonymous, huge];
