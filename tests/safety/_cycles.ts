/**
 * Opens and closes regions, and looks at what the process has before and after. Arguments: how many,
 * and the path of a file. Prints both looks as JSON. Needs --expose-gc.
 */

import { MmapRegion } from "@mmap/mmap";
import { piecesOf } from "../../src/os/windows/allocations.ts";
import { openDescriptors } from "../_process.ts";
import { ADDRESSES_END, handleCount } from "../_windows_holdings.ts";

/** What a process has, by the names of proc(5); sizes are in KiB. */
export interface Holdings {
  readonly rss: number;
  readonly pageTables: number;
  readonly mappings: number;
  readonly descriptors: number;
  readonly held: number;
}

const BYTE_LENGTH = 1 << 16;

/** Windows does not tell of its page tables. */
function holdingsOfWindows(): Holdings {
  return {
    rss: Deno.memoryUsage().rss / 1024,
    pageTables: 0,
    mappings: piecesOf(0x10000, ADDRESSES_END).length,
    descriptors: handleCount(),
    held: MmapRegion.held,
  };
}

function holdings(): Holdings {
  (globalThis as unknown as { gc(): void }).gc();
  if (Deno.build.os === "windows") return holdingsOfWindows();
  const status = Deno.readTextFileSync("/proc/self/status");
  const field = (name: string) =>
    Number(new RegExp(`^${name}:\\s*(\\d+) kB`, "m").exec(status)![1]);
  return {
    rss: field("VmRSS"),
    pageTables: field("VmPTE"),
    mappings: Deno.readTextFileSync("/proc/self/maps").trimEnd().split("\n").length,
    descriptors: openDescriptors().length,
    held: MmapRegion.held,
  };
}

/** Each kind in turn; every second region is written to, in its first and its last page. */
function cycle(index: number, path: string): void {
  const kinds = [
    () => MmapRegion.open(path, { access: "read-write" }),
    () => MmapRegion.anonymous(BYTE_LENGTH, { sharing: "private" }),
    () => MmapRegion.open(path),
    () => MmapRegion.anonymous(BYTE_LENGTH),
  ];
  using region = kinds[index % kinds.length]!();
  const { bytes } = region;
  if (index % 8 < 4) return;
  if (region.access === "read") bytes[0]! + bytes[BYTE_LENGTH - 1]!;
  else bytes[0] = bytes[BYTE_LENGTH - 1] = 1;
}

const [count, path] = [Number(Deno.args[0]), Deno.args[1]!];
Deno.writeFileSync(path, new Uint8Array(BYTE_LENGTH));
// The engine's own memory grows at first: code, feedback, the young generation.
for (let i = 0; i < count / 10; i++) cycle(i, path);
const before = holdings();
for (let i = 0; i < count; i++) cycle(i, path);
console.log(JSON.stringify({ before, after: holdings() }));
