/** The other process of event_between_processes.ts: squares numbers, until it is asked for 0. */
import { MmapRegion } from "@mmap/mmap";
import { SharedEvent } from "@mmap/mmap/sync";

using region = MmapRegion.fromEnv();
const asked = new SharedEvent(region, 0, { autoReset: true });
const answered = new SharedEvent(region, 64, { autoReset: true });
const number = region.view(Int32Array, 128, 1);

for (let question = -1; question !== 0;) {
  asked.waitSync(); // it has nothing else to do: the whole thread sleeps
  question = number[0]!;
  number[0] = question * question;
  answered.set();
}
