/** `mmap rm` */

import { MmapRegion } from "../region/mmap_region.ts";
import type { Command, Input } from "./command.ts";
import { formatJson } from "./format.ts";
import { print, printError } from "./output.ts";

/** Removes names of shared memory. */
export const rm: Command = {
  name: "rm",
  operands: "NAME...",
  summary: "removes named shared memory, whoever made it",
  details:
    "Silent if all goes well; JSON lists what was removed. One that fails does not keep the\n" +
    "others from being removed. Processes that map an object keep it.",
  run: runRm,
};

async function runRm({ operands, json }: Input): Promise<number> {
  const removed = operands.filter(tryRemove);
  if (json) await print(formatJson(removed));
  return removed.length === operands.length ? 0 : 1;
}

function tryRemove(name: string): boolean {
  try {
    MmapRegion.unlink(name);
    return true;
  } catch (error) {
    printError(error);
    return false;
  }
}
