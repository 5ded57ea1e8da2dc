/** `mmap ls` */

import type { SharedMemoryInfo } from "../os/system.ts";
import { MmapRegion } from "../region/mmap_region.ts";
import type { Command, Input } from "./command.ts";
import { formatJson, formatMode, formatSize, formatTable } from "./format.ts";
import { type KindName, kindOfRegion } from "./kinds/kinds.ts";
import { print } from "./output.ts";

/** Lists named shared memory. */
export const ls: Command = {
  name: "ls",
  operands: "",
  summary: "lists the named shared memory objects of all programs",
  details:
    "KIND: what lies in it, as `inspect` tells; ? where this user may not read it. OURS: whether this package made it. OWNER: the process that did, alive or dead; " +
    "? where it is of another PID namespace, or hidden.",
  run: runLs,
};

async function runLs({ json }: Input): Promise<number> {
  const objects = MmapRegion.list().map((object) => ({ ...object, kind: kindOfObject(object) }));
  await print(json ? formatJson(objects) : describeObjects(objects));
  return 0;
}

/** An object, and what lies in it; null if it cannot be read. */
type Listed = SharedMemoryInfo & { readonly kind: KindName | null };

function kindOfObject({ name, byteLength }: SharedMemoryInfo): KindName | null {
  if (byteLength === 0) return "region";
  try {
    using region = MmapRegion.named(name, { access: "read" });
    return kindOfRegion(region);
  } catch {
    // It belongs to another user, or has gone meanwhile.
    return null;
  }
}

function describeObjects(objects: readonly Listed[]): string {
  if (objects.length === 0) return "no shared memory\n";
  return formatTable(
    [
      { title: "NAME" },
      { title: "KIND" },
      { title: "SIZE", right: true },
      { title: "MODE" },
      { title: "UID", right: true },
      { title: "OURS" },
      { title: "OWNER" },
    ],
    objects.map((object) => [
      object.name,
      object.kind ?? "?",
      formatSize(object.byteLength),
      formatMode(object.mode),
      String(object.uid),
      object.ours ? "yes" : "no",
      describeOwner(object),
    ]),
  );
}

/**
 * The owner as text, such as "1234 alive"; "? alive" if it has no number here, "-" if it is not
 * known.
 */
export function describeOwner({ owner }: SharedMemoryInfo): string {
  return owner === undefined ? "-" : `${owner.pid ?? "?"} ${owner.alive ? "alive" : "dead"}`;
}
