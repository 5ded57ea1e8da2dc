/**
 * Events: one process sleeps until another one has something for it, without looking again and again.
 *
 *     deno run --allow-ffi --allow-run examples/event_between_processes.ts
 *
 *     offset 0: the event "there is a question", which lets one through and resets itself
 *     offset 64: the event "there is an answer", likewise
 *     offset 128: a 32-bit number: the question, then the answer
 */
import { MmapRegion } from "@mmap/mmap";
import { SharedEvent } from "@mmap/mmap/sync";

using region = MmapRegion.anonymous(4096);
const asked = new SharedEvent(region, 0, { autoReset: true });
const answered = new SharedEvent(region, 64, { autoReset: true });
const number = region.view(Int32Array, 128, 1);

const child = new Deno.Command(Deno.execPath(), {
  args: ["run", "--allow-ffi", import.meta.resolve("./event_between_processes_child.ts")],
  env: region.env(),
}).spawn();

// While this process waits, its event loop goes on.
let ticks = 0;
const timer = setInterval(() => ticks++, 1);

for (const question of [6, 7, 0]) {
  number[0] = question;
  asked.set();
  await answered.wait({ timeoutMs: 30_000 });
  console.log(`asked ${question}, answered ${number[0]}`);
}
clearInterval(timer);
console.log(`the event loop went on: ${ticks > 0}`);
console.log(`the child ended: ${(await child.status).success}`);
