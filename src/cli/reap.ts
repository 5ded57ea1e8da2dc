/** `mmap reap` */

import { MmapRegion } from "../region/mmap_region.ts";
import type { Command, Input } from "./command.ts";
import { formatJson, printable } from "./format.ts";
import { print } from "./output.ts";

/** Removes the objects that dead processes left behind. */
export const reap: Command = {
  name: "reap",
  operands: "",
  summary: "removes the shared memory that this package made for processes that are dead",
  details: "Prints the names. Objects of other programs, and of living processes, stay.",
  options: { "dry-run": { help: "only print what would be removed" } },
  run: runReap,
};

async function runReap({ values, json }: Input): Promise<number> {
  const names = values["dry-run"] === true ? abandoned() : MmapRegion.reap();
  const text = names.length === 0 ? "no shared memory to remove\n" : names.map(line).join("");
  await print(json ? formatJson(names) : text);
  return 0;
}

function abandoned(): string[] {
  return MmapRegion.list()
    .filter(({ owner }) => owner?.alive === false)
    .map(({ name }) => name);
}

function line(name: string): string {
  return `${printable(name)}\n`;
}
