/** Many regions, at once and one after the other, and what this process holds before and after. */

import { MmapRegion } from "@mmap/mmap";
import { piecesOf } from "../../src/os/windows/allocations.ts";
import { act } from "../_act.ts";
import { ADDRESSES_END, handleCount } from "../_windows_holdings.ts";

/** What a process holds. */
interface Counts {
  readonly mappings: number;
  readonly descriptors: number;
  readonly resident: number;
}

/** V8's heap grows by mappings of this size; the regions are smaller. */
const HEAP_PAGE = 2 ** 18;

/** Whether a line of /proc/self/maps is something else. */
function isNoHeap(line: string): boolean {
  const [start, end] = line.split(" ")[0]!.split("-").map((address) => BigInt(`0x${address}`));
  return end! - start! !== BigInt(HEAP_PAGE);
}

/** What this process holds, where there is no /proc. */
function countsOfWindows(): Counts {
  const pieces = piecesOf(0x10000, ADDRESSES_END);
  return {
    mappings: pieces.filter(({ start, end }) => end - start !== HEAP_PAGE).length,
    descriptors: handleCount(),
    resident: Deno.memoryUsage().rss,
  };
}

const countsOfPosix = (): Counts => ({
  mappings: Deno.readTextFileSync("/proc/self/maps").trimEnd().split("\n").filter(isNoHeap).length,
  descriptors: [...Deno.readDirSync("/proc/self/fd")].length,
  resident: Number(Deno.readTextFileSync("/proc/self/statm").split(" ")[1]) * 4096,
});

const counts = Deno.build.os === "windows" ? countsOfWindows : countsOfPosix;

const SOURCES: Record<string, (path: string) => MmapRegion> = {
  "a file": (path) => MmapRegion.open(path, { access: "read-write" }),
  "anonymous shared memory": () => MmapRegion.anonymous(1),
  "anonymous private memory": () => MmapRegion.anonymous(1, { sharing: "private" }),
};

await act({
  openAtOnce(path: string, source: string, count: number): unknown {
    const make = SOURCES[source]!;
    const first = make(path);
    void first.bytes; // loads what a process needs once
    first.close();
    const before = counts();
    const regions = Array.from({ length: count }, () => make(path));
    regions.forEach((region, i) => region.bytes[0] = i & 0xff);
    const during = counts();
    // The file is one for all: it holds what was written last.
    const wrong = regions.filter((region, i) =>
      region.bytes[0] !== ((source === "a file" ? count - 1 : i) & 0xff)
    );
    for (const region of regions) region.close();
    return { before, during, after: counts(), wrong: wrong.length };
  },

  async openAndClose(path: string, source: string, times: number): Promise<unknown> {
    const make = SOURCES[source]!;
    function cycle(): void {
      for (let i = 0; i < 10_000; i++) {
        const region = make(path);
        region.bytes[0] = 1;
        region.close();
      }
    }
    // Finalizers and their registry are cleared in turns of the event loop.
    async function cycles(times: number): Promise<void> {
      for (let i = 0; i < times; i += 10_000) {
        cycle();
        await new Promise((resolve) => setTimeout(resolve));
      }
    }
    await cycles(times / 5); // V8's heap has found its size by then
    const before = counts();
    await cycles(times * 4 / 5);
    return { before, after: counts() };
  },
});
