import { MmapRegion } from "@mmap/mmap";
import { Mutex, type MutexGuard, Semaphore, type WaitResult } from "@mmap/mmap/sync";

using region = MmapRegion.anonymous(4096);
const mutex = new Mutex(region, 0);
{
  using guard: MutexGuard = await mutex.lock({ timeoutMs: 10_000 });
  console.log(mutex.locked, guard.ownerDied, new Mutex(region, 0).tryLock());
}
console.log(mutex.locked);

const semaphore = new Semaphore(region, Mutex.byteLength);
const acquired = semaphore.acquire({ timeoutMs: 10_000 });
semaphore.release(2);
await acquired;
console.log(semaphore.count);

export function refused(): WaitResult {
  // @ts-expect-error: a mutex stands in a region
  new Mutex(4096);
  // @ts-expect-error: no such result
  return "woken";
}
