/** Regions that nobody closes: what of them this process has, and after collections. Needs --expose-gc. */

import { MmapRegion } from "@mmap/mmap";
import { lendingState } from "../../ffi/store/store.ts";
import { act, gc } from "../_act.ts";
import { PAGE } from "../_pages.ts";
import { descriptorsOf, mapsOf } from "../_process.ts";
import { handleCount, viewCount } from "../_windows_holdings.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** How many views and handles there are. */
function allHeld(): [views: number, handles: number] {
  return [viewCount(), handleCount()];
}

/** What there is before a program begins. The first region loads what is loaded once. */
let before = [0, 0];
if (IS_WINDOWS) {
  MmapRegion.anonymous(1).close();
  before = allHeld();
}

/**
 * How many mappings and descriptors have the marker in their name: a path or a label. Memory has no
 * label on Windows: there it is whether there are more of each than before.
 */
function held(marker: string): number[] {
  if (!IS_WINDOWS || marker.includes("\\")) {
    return [mapsOf(marker).length, descriptorsOf(marker).length];
  }
  return allHeld().map((count, i) => count > before[i]! ? 1 : 0);
}

/** Collects garbage. Finalizers run in a turn of the event loop behind the collection. */
async function collect(): Promise<void> {
  for (let i = 0; i < 10; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** Collects garbage until nothing with the marker is left, or for long. */
async function collected(marker: string): Promise<number[]> {
  for (let i = 0; i < 50 && held(marker).some((count) => count > 0); i++) await collect();
  return held(marker);
}

const open = (path: string): MmapRegion => MmapRegion.open(path, { access: "read-write" });

const SOURCES: Record<string, (marker: string) => MmapRegion> = {
  "a file": open,
  "anonymous shared memory": (label) => MmapRegion.anonymous(PAGE, { label }),
};

/** What alone can keep a mapping alive, and the first byte by it. */
const HOLDERS: Record<string, (region: MmapRegion) => () => number> = {
  "the region": (region) => () => region.bytes[0]!,
  "its bytes": ({ bytes }) => () => bytes[0]!,
  "a view"(region): () => number {
    const view = region.view(Int32Array);
    return () => view[0]!;
  },
  "a DataView"(region): () => number {
    const view = region.dataView();
    return () => view.getUint8(0);
  },
  "its buffer": ({ buffer }) => () => new Uint8Array(buffer)[0]!,
  "a subarray"(region): () => number {
    const part = region.bytes.subarray(0, 1);
    return () => part[0]!;
  },
};

await act({
  async forget(marker: string, source: string): Promise<unknown> {
    function forget(): number[] {
      const region = SOURCES[source]!(marker);
      region.bytes[0] = 7;
      return held(marker);
    }
    const before = forget();
    return [before, await collected(marker)];
  },

  async forgetPrivate(): Promise<boolean> {
    const resident = (): number => Deno.memoryUsage().rss / PAGE;
    function forget(): void {
      MmapRegion.anonymous(2 ** 26, { sharing: "private" }).bytes.fill(1);
    }
    forget();
    const full = resident();
    const pages = 2 ** 26 / PAGE;
    for (let i = 0; i < 50 && full - resident() < pages * 0.9; i++) await collect();
    return full - resident() >= pages * 0.9;
  },

  async hold(path: string, holder: string): Promise<unknown> {
    const make = (): () => number => HOLDERS[holder]!(open(path));
    async function hold(): Promise<unknown> {
      const read = make();
      await collect();
      return [held(path), read()];
    }
    return [await hold(), await collected(path)];
  },

  async steal(path: string): Promise<unknown> {
    // Functions of their own, as a function that goes on may hold what it has used.
    let stolen: Uint8Array | undefined;
    function steal(): void {
      stolen = new Uint8Array(open(path).buffer.transfer());
    }
    function forget(): unknown {
      const after = [stolen!.length, stolen![0]];
      stolen!.fill(99);
      stolen = undefined;
      return after;
    }
    steal();
    const left = await collected(path);
    const after = forget();
    return [lendingState(), left, after, await collected(path)];
  },

  async resize(path: string): Promise<unknown> {
    function forget(): number[] {
      const region = open(path);
      for (const pages of [3, 200, 7]) region.resize(pages * PAGE);
      return held(path);
    }
    return [forget(), await collected(path)];
  },

  async closeAndOpen(path: string): Promise<unknown> {
    const closeOne = (): void => open(path).close();
    closeOne();
    // The next one gets the addresses and the descriptor of the one before.
    const region = open(path);
    await collect();
    return [held(path), region.bytes[0]];
  },

  async forgetMany(label: string, times: number): Promise<unknown> {
    function forget(count: number): void {
      for (let i = 0; i < count; i++) MmapRegion.anonymous(1, { label });
    }
    for (let i = 0; i < times; i += 500) {
      forget(500);
      await collect();
    }
    return await collected(label);
  },
});
