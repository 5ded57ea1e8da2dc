/** Another process that wants a lock: prints whether it gets it, and whether its owner died. */

import { MmapRegion } from "@mmap/mmap";
import { Mutex, RwLock } from "@mmap/mmap/sync";

const [what, path, at] = Deno.args as [string, string, string];
using region = MmapRegion.open(path, { access: "read-write" });
if (what === "try") {
  const guard = new Mutex(region, Number(at)).tryLock();
  console.log(guard === null ? "held" : "taken");
  guard?.unlock();
} else {
  const limits = { timeoutMs: 20_000 };
  using guard = what === "write"
    ? new RwLock(region, Number(at)).writeSync(limits)
    : new Mutex(region, Number(at)).lockSync(limits);
  console.log(`ownerDied ${guard.ownerDied}`);
}
