/** A worker of job_queue.ts. With "before" or "after" it stops half-way in its first job. */
import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { Job, Result, Slot } from "./job_queue_records.ts";

const [place, halfWay] = Deno.args;
using slots = MmapRegion.fromEnv();
using jobs = Channel.of(Job).fromEnv("JOBS");
using results = Channel.of(Result).fromEnv("RESULTS");
const slot = Slot.array(slots).at(Number(place));
const taken = slot.atomic("taken");

while (await take()) {
  if (halfWay === "after") await stop();
  await results.send({ id: slot.id, square: slot.id ** 2 });
  taken.store(0);
}

/** Notes the next job. @returns false at the end of the queue */
async function take(): Promise<boolean> {
  using job = await jobs.receiveInPlace();
  if (job === null) return false;
  if (halfWay === "before") await stop();
  slot.id = job.record.id;
  taken.store(1);
  return true; // it leaves the queue here: until then, no other worker gets one
}

async function stop(): Promise<void> {
  console.log("half-way");
  setInterval(() => {}, 1000); // until it is killed
  await new Promise(() => {});
}
