/**
 * Three processes, of which one leads at any time: the one that holds a mutex. When it is killed, the
 * kernel tells, and one of the others leads.
 *
 *     deno run --allow-ffi --allow-run examples/leader.ts
 *
 *     offset 0: the mutex
 *     offset 64: the term, a 32-bit number: how many leaders there have been
 */
import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import type { Election } from "./leader_candidate.ts";

using region = MmapRegion.anonymous(4096);
using reports = Channel.create({ capacity: 4096, producers: "multiple" });
const elections = reports.values<Election>();
await reports.sendMany([]); // this process is a producer, too: a dead leader does not end the channel

const candidates = Array.from({ length: 3 }, () =>
  new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-ffi", import.meta.resolve("./leader_candidate.ts")],
    env: { ...region.env(), ...reports.env() },
  }).spawn());

const leaders = new Set<number>();
for (const _ of candidates) {
  const { pid, term, ownerDied } = (await elections.receive())!;
  leaders.add(pid);
  console.log(`term ${term}: a leader, the one before it died: ${ownerDied}`);
  const leader = candidates.find((candidate) => candidate.pid === pid)!;
  leader.kill("SIGKILL");
  await leader.status;
}
console.log(`${leaders.size} processes have led`);
