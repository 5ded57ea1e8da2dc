/** A thread of threads_and_processes.ts. */
import { MmapRegion, type RegionHandle } from "@mmap/mmap";
import { count } from "./threads_and_processes_count.ts";

const parent = self as unknown as Worker;

parent.addEventListener("message", (event: MessageEvent<RegionHandle>) => {
  using region = MmapRegion.attach(event.data);
  count(region);
  parent.postMessage("done");
});
