/** Processes that get a handle in some way, and write 2 where they find 1. */

import { MmapRegion, type RegionHandle } from "@mmap/mmap";
import { act } from "../_act.ts";
import { countDescriptors } from "../_process.ts";

function attach(handle: string | RegionHandle): unknown {
  using region = MmapRegion.attach(handle);
  if (region.bytes[0] === 1) region.bytes[1] = 2;
  return { type: typeof handle, byteLength: region.byteLength };
}

await act({
  fromEnvironment: () => attach(Deno.env.get("HERE")!),
  fromArguments: attach,
  fromFile: (path: string) => attach(JSON.parse(Deno.readTextFileSync(path))),
  fromPipe: async () => attach(await new Response(Deno.stdin.readable).text()),

  /** Maps a path that is another process's descriptor. */
  fromPath(path: string): unknown {
    using region = MmapRegion.open(path, { access: "read-write" });
    region.bytes[1] = 2;
    return [region.bytes[0], region.byteLength];
  },

  /** How many descriptors this process has of each region's object while it maps that. */
  countDescriptors(handles: RegionHandle[]): number[] {
    return handles.map((handle) => {
      using region = MmapRegion.attach(handle);
      return countDescriptors(region);
    });
  },

  /** Writes into two regions. @returns which of the names the environment has */
  fromTwoVariables(names: string[]): string[] {
    using first = MmapRegion.fromEnv("FIRST");
    using second = MmapRegion.fromEnv("SECOND");
    first.bytes[0] = 1;
    second.bytes[0] = 2;
    return names.filter((name) => Deno.env.has(name));
  },
});
