/** A process that makes named memory, or sleeps, and a Worker that holds a lock. */

import { MmapRegion, type RegionHandle } from "@mmap/mmap";
import { Futex, Mutex } from "@mmap/mmap/sync";

const kept: unknown[] = [];

if (Deno.args[0] === `"make"`) {
  const region = MmapRegion.named(JSON.parse(Deno.args[1]!), { createNew: true, byteLength: 1 });
  region.bytes[0] = 42;
  kept.push(region);
  console.log("made");
  await new Response(Deno.stdin.readable).text();
} else if (Deno.args[0] === `"sleep"`) {
  const region = MmapRegion.fromEnv();
  kept.push(region);
  console.log("sleeping");
  console.log(new Futex(region).waitSync(0, { timeoutMs: 30_000 }));
} else {
  const worker = self as unknown as Worker;
  worker.addEventListener("message", ({ data }: MessageEvent<RegionHandle>) => {
    const region = MmapRegion.attach(data);
    kept.push(region, new Mutex(region).lockSync());
    worker.postMessage("held");
  });
}
