/**
 * Two Workers (threads) and two processes count in one region at the same time.
 *
 *     deno run --allow-ffi --allow-read --allow-run examples/threads_and_processes.ts
 *
 * Atomics work across all of them: not one of the additions is lost.
 */
import { MmapRegion } from "@mmap/mmap";

using region = MmapRegion.anonymous(4096);
const total = region.view(Int32Array, 0, 1);

/** A Worker is told by a message which region it is about. */
async function thread(): Promise<void> {
  const url = import.meta.resolve("./threads_and_processes_worker.ts");
  const worker = new Worker(url, { type: "module" });
  worker.postMessage(region.handle());
  await new Promise((resolve) => worker.addEventListener("message", resolve));
  worker.terminate();
}

/** A process is told by its environment. */
async function process(): Promise<void> {
  await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-ffi", import.meta.resolve("./threads_and_processes_child.ts")],
    env: region.env(),
  }).output();
}

await Promise.all([thread(), thread(), process(), process()]);
console.log(`2 threads and 2 processes counted to ${Atomics.load(total, 0)}`);
