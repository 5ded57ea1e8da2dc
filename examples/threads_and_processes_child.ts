/** A process of threads_and_processes.ts. */
import { MmapRegion } from "@mmap/mmap";
import { count } from "./threads_and_processes_count.ts";

using region = MmapRegion.fromEnv();
count(region);
