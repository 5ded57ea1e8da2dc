/**
 * Two processes count under one mutex. One of them is killed in the middle of a change; the other
 * one is told so, repairs what was half-changed, and continues.
 *
 *     deno run --allow-ffi --allow-run examples/shared_counter.ts
 *
 *     offset 0: the mutex
 *     offset 64: two 32-bit counters, which are equal whenever nobody holds the mutex
 */
import { MmapRegion } from "@mmap/mmap";
import { Mutex } from "@mmap/mmap/sync";

using region = MmapRegion.anonymous(4096);
const mutex = new Mutex(region, 0);
const counters = region.view(Int32Array, 64, 2);

function start(role: "steady" | "clumsy"): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-ffi", import.meta.resolve("./shared_counter_child.ts"), role],
    env: region.env(),
    stdout: "piped",
  }).spawn();
}

const clumsy = start("clumsy");
await clumsy.stdout.getReader().read(); // it now stays in the middle of its last change
const steady = start("steady");
console.log(`one process stopped half-way: locked ${mutex.locked}, ${counters.join(" and ")}`);
clumsy.kill("SIGKILL");
console.log(`it was killed: ${(await clumsy.status).signal}`);

Deno.stdout.writeSync(new Uint8Array(await new Response(steady.stdout).arrayBuffer()));
using guard = mutex.lockSync();
console.log(`both counters: ${counters.join(" and ")}, owner died ${guard.ownerDied}`);
