/** Has no descriptor left when it comes to its first lock, and then has one. Prints what happened. */

import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { Mutex, RwLock } from "@mmap/mmap/sync";
import { openDescriptors, setLimit } from "../_process.ts";

using region = MmapRegion.open(Deno.args[0]!, { access: "read-write" });
const words = region.view(Int32Array);
const mutex = new Mutex(region);
const limit = setLimit("NOFILE", 3);
const failures = [
  () => mutex.lockSync(),
  () => mutex.tryLock(),
  () => new RwLock(region, 1024).tryRead(),
  () => new RwLock(region, 1024).writeSync(),
  () => Channel.over(region, 4096, { capacity: 4096 }),
].map((call) => {
  try {
    return String(call());
  } catch (error) {
    return [(error as Error).name, (error as { code?: string }).code];
  }
});
const changed = words.some((word) => word !== 0);
setLimit("NOFILE", limit);
const before = openDescriptors().length;
mutex.lockSync().unlock();
using second = MmapRegion.open(Deno.args[0]!, { access: "read-write" });
new Mutex(second).lockSync().unlock();
second.close();
region.close();
console.log(JSON.stringify({ failures, changed, left: openDescriptors().length - before }));
