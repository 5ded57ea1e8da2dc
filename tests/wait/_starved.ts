/** Has no descriptor left when it comes to its first lock, and then has one. Prints what happened. */

import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { Mutex, RwLock } from "@mmap/mmap/sync";
import { descriptorCount, setLimit } from "../_process.ts";
import { limitHandles } from "../_windows_limits.ts";

/** Lets the process open nothing more. @returns what takes that back */
function starve(): () => void {
  if (Deno.build.os === "windows") return limitHandles(0);
  const limit = setLimit("NOFILE", 3);
  return () => void setLimit("NOFILE", limit);
}

using region = MmapRegion.open(Deno.args[0]!, { access: "read-write" });
const words = region.view(Int32Array);
const mutex = new Mutex(region);
const feed = starve();
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
feed();
const before = descriptorCount();
mutex.lockSync().unlock();
using second = MmapRegion.open(Deno.args[0]!, { access: "read-write" });
new Mutex(second).lockSync().unlock();
second.close();
region.close();
console.log(JSON.stringify({ failures, changed, left: descriptorCount() - before }));
