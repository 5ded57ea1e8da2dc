/** `MmapRegion.named`: opens or makes a named object, maps it, and undoes all that if one fails. */

import { close } from "../../ffi/file_calls.ts";
import { statusOf } from "../../ffi/status.ts";
import { fillHoles } from "../object/holes.ts";
import { openOrCreate } from "../object/open_file.ts";
import { natureOf } from "../object/nature.ts";
import { own } from "../object/owners.ts";
import { createNamed, openNamed, unlinkOwn } from "../object/shared_memory.ts";
import type { RegionCore } from "./core.ts";
import { fit, mapFile } from "./make.ts";
import { type NamedPlan, needsByteLength } from "./plan.ts";

/** @throws {Deno.errors.AlreadyExists} EEXIST. @throws {Deno.errors.NotFound} ENOENT. */
export function namedRegion(name: string, plan: NamedPlan): RegionCore {
  const { fd, created } = openObject(name, plan);
  const status = statusOf(fd);
  try {
    const byteLength = fit(plan, status, false, name);
    const nature = natureOf(fd, status);
    // What other programs make is mostly holes.
    if (!created && plan.allocate && plan.access === "read-write") {
      fillHoles(fd, 0, byteLength, name);
    }
    const unlinks = plan.unlinkOnClose ?? created;
    if (unlinks && !created) own(name, status.inode);
    const core = mapFile({ plan, byteLength, fd, subject: name, kind: "named", name, nature });
    if (plan.allocate) core.filled = byteLength;
    if (unlinks) core.onClose(() => unlinkOwn(name, status));
    return core;
  } catch (error) {
    if (created) unlinkOwn(name, status);
    close(fd);
    throw error;
  }
}

function openObject(name: string, plan: NamedPlan): { fd: number; created: boolean } {
  const openExisting = () => openNamed(name, plan.access === "read-write");
  const createNew = () => {
    if (plan.byteLength === undefined) throw needsByteLength("make shared memory");
    return createNamed(name, { ...plan, byteLength: plan.byteLength });
  };
  if (plan.createNew) return { fd: createNew(), created: true };
  if (!plan.create) return { fd: openExisting(), created: false };
  const opened = openOrCreate(openExisting, createNew);
  if (opened !== undefined) return opened;
  throw new Deno.errors.Busy(
    `Cannot open shared memory "${name}": others keep making and removing it`,
  );
}
