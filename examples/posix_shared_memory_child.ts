/** The other process of posix_shared_memory.ts: knows the name, and C's calls. */
import { MmapRegion } from "@mmap/mmap";
import { close, O_RDONLY, shm_open } from "@mmap/mmap/libc";

const fd = shm_open(`/${Deno.args[0]}`, O_RDONLY);
using region = MmapRegion.fromFd(fd);
close(fd); // the region has its own
Deno.stdout.writeSync(region.bytes.subarray(0, region.bytes.indexOf(0)));
