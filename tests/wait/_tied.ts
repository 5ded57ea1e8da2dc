/**
 * A program with a Worker (`_tied_worker.ts`) that is terminated while it holds locks. Prints how many
 * descriptors there were meanwhile.
 */

import { MmapRegion } from "@mmap/mmap";
import { Mutex } from "@mmap/mmap/sync";
import { descriptorsOf } from "../_process.ts";
import { HELD } from "./_tied_worker.ts";

const path = Deno.args[0]!;
const worker = new Worker(new URL("./_tied_worker.ts", import.meta.url), { type: "module" });
const told = new Promise<unknown>((resolve) => worker.onmessage = ({ data }) => resolve(data));
worker.postMessage(path);
const during = await told;
worker.terminate();
const region = MmapRegion.open(path, { access: "read-write" });
for (let i = 0; i < HELD; i++) {
  using guard = await new Mutex(region, 64 * i).lock();
  if (!guard.ownerDied) throw new Error("Nobody held it");
}
region.close();
const left = [descriptorsOf(path).length, descriptorsOf("mmap spare").length];
console.log(JSON.stringify({ during, left }));
Deno.exit();
