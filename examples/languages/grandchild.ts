/**
 * A child and a grandchild write to one region; the child only passes the handle on.
 *
 *     deno run --allow-ffi --allow-run --allow-env examples/languages/grandchild.ts
 */
import { MmapRegion } from "@mmap/mmap";

const generation = Number(Deno.args[0] ?? 0);
using region = generation === 0 ? MmapRegion.anonymous(4096) : MmapRegion.fromEnv();
if (generation > 0) region.bytes[generation] = generation;

if (generation < 2) {
  // The environment is inherited, and a grandchild needs nothing else.
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-ffi", "--allow-run", "--allow-env", import.meta.url],
      String(generation + 1),
    ],
    ...(generation === 0 ? { env: region.env() } : {}),
  });
  const { success } = await child.output();
  if (!success) Deno.exit(1);
}
if (generation === 0) console.log(`written by child and grandchild: ${region.bytes.slice(1, 3)}`);
