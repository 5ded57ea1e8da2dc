/** `mmap ls` */

import type { SharedMemoryInfo } from "../os/system.ts";
import { MmapRegion } from "../region/mmap_region.ts";
import type { Command, Input } from "./command.ts";
import { formatJson, formatMode, formatSize, formatTable } from "./format.ts";
import { print } from "./output.ts";

/** Lists named shared memory. */
export const ls: Command = {
  name: "ls",
  operands: "",
  summary: "lists the named shared memory objects of all programs",
  details: "OURS: whether this package made it. OWNER: the process that did, alive or dead; " +
    "? where it is of another PID namespace, or hidden.",
  run: runLs,
};

async function runLs({ json }: Input): Promise<number> {
  const objects = MmapRegion.list();
  await print(json ? formatJson(objects) : describeObjects(objects));
  return 0;
}

function describeObjects(objects: readonly SharedMemoryInfo[]): string {
  if (objects.length === 0) return "no shared memory\n";
  return formatTable(
    [
      { title: "NAME" },
      { title: "SIZE", right: true },
      { title: "MODE" },
      { title: "UID", right: true },
      { title: "OURS" },
      { title: "OWNER" },
    ],
    objects.map((object) => [
      object.name,
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
