/**
 * Holds a lock for reading and a mutex, says which thread it is, and waits until it is told to go on; then takes all, and meets.
 * `Deno.args[0]` says whether there are file locks.
 */

import { MmapRegion } from "@mmap/mmap";
import { Barrier, Mutex, RwLock } from "@mmap/mmap/sync";
import { TOKEN_TID } from "./_thread.ts";
import { withLocks } from "./_without_locks.ts";

await withLocks(Deno.args[0] === "true", async () => {
  const region = MmapRegion.fromEnv();
  const lock = new RwLock(region);
  const mutex = new Mutex(region, 2048);
  const held = [lock.readSync(), mutex.lockSync()];
  console.log(`held by ${TOKEN_TID}`);
  await Deno.stdin.read(new Uint8Array(1));
  for (const guard of held) guard.unlock();
  const next = [lock.tryWrite(), mutex.tryLock()];
  console.log(JSON.stringify(next.map((guard) => guard?.ownerDied ?? null)));
  console.log(await new Barrier(region, 4096, 2).wait());
});
