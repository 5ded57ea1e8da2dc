/**
 * `MmapRegion.named`: opens or creates a named object and maps it, and undoes all of that if a step
 * fails.
 */

import { type Opened, openOrCreate, orSayHowToCreate } from "../object/open_file.ts";
import { createNamed, openNamed } from "../object/shared_memory.ts";
import { system } from "../os/mod.ts";
import type { RegionBacking } from "./backing.ts";
import { fit, mapFile } from "./make.ts";
import { type NamedPlan, needsByteLength } from "./plan.ts";

/** @throws {Deno.errors.AlreadyExists} EEXIST. @throws {Deno.errors.NotFound} ENOENT. */
export function namedRegion(name: string, plan: NamedPlan): RegionBacking {
  const { objects, named } = system();
  const { object, created } = openObject(name, plan);
  const status = objects.status(object);
  try {
    const byteLength = fit(plan, status, false, name);
    const nature = objects.nature(object, status);
    // Objects of other programs mostly consist of holes.
    if (!created && plan.allocate && plan.access === "read-write") {
      objects.fillHoles(object, 0, byteLength, name);
    }
    const unlinks = plan.unlinkOnClose ?? created;
    if (unlinks && !created) named.own(name, status);
    const backing = mapFile({
      plan,
      byteLength,
      object,
      subject: name,
      kind: "named",
      name,
      nature,
    });
    if (plan.allocate) backing.filled = byteLength;
    if (unlinks) backing.onClose(() => named.unlinkOwn(name, status));
    return backing;
  } catch (error) {
    if (created) named.unlinkOwn(name, status);
    objects.close(object);
    throw error;
  }
}

function openObject(name: string, plan: NamedPlan): Opened {
  const openExisting = () => openNamed(name, plan.access === "read-write");
  const createNew = () => {
    if (plan.byteLength === undefined) throw needsByteLength("make shared memory");
    const { byteLength, reserved } = plan;
    return createNamed(name, { ...plan, byteLength, capacity: Math.max(byteLength, reserved) });
  };
  if (plan.createNew) return { object: createNew(), created: true };
  if (!plan.create) {
    const object = plan.access === "read" ? openExisting() : orSayHowToCreate(openExisting);
    return { object, created: false };
  }
  const opened = openOrCreate(openExisting, createNew);
  if (opened !== undefined) return opened;
  throw new Deno.errors.Busy(
    `Cannot open shared memory "${name}": others keep creating and removing it`,
  );
}
