/** A process of leader.ts: waits until it leads, says so, and leads until it is killed. */
import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { Mutex } from "@mmap/mmap/sync";

/** What a new leader says. */
export type Election = { pid: number; term: number; ownerDied: boolean };

using region = MmapRegion.fromEnv();
using reports = Channel.fromEnv();
const term = region.view(Int32Array, Mutex.byteLength, 1);

using guard = await new Mutex(region, 0).lock(); // held as long as this process lives
term[0]! += 1; // nobody else writes while it leads
// Here: finish, or undo, what a leader that died (guard.ownerDied) may have left half done.
await reports.values<Election>().send({
  pid: Deno.pid,
  term: term[0]!,
  ownerDied: guard.ownerDied,
});
setInterval(() => {}, 1000); // the work of a leader
await new Promise(() => {});
