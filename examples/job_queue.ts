/**
 * Two producers and three workers with one queue between them, each a process. Workers are killed in
 * the middle of a job; others do it.
 *
 *     deno run --allow-ffi --allow-run examples/job_queue.ts
 *
 * A job is in the queue, or in a worker's slot, or done. A worker notes it in its slot before it leaves
 * the queue, and clears the slot after its result was sent. So no job is lost. One may be done twice: the
 * number of a job shows that.
 */
import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { Job, Result, Slot } from "./job_queue_records.ts";

const WORKERS = 3;
const PRODUCERS = 2;
const JOBS_EACH = 20;

using slots = MmapRegion.anonymous(WORKERS * Slot.byteLength);
using jobs = Channel.of(Job).create({
  capacity: 65536,
  producers: "multiple",
  consumers: "multiple",
});
using results = Channel.of(Result).create({ capacity: 65536, producers: "multiple" });
// This process counts as a producer of both, so neither ends before it says so.
await jobs.channel.sendMany([]);
await results.channel.sendMany([]);

function start(program: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-ffi", import.meta.resolve(program), ...args],
    env: { ...slots.env(), ...jobs.env("JOBS"), ...results.env("RESULTS") },
    stdout: "piped",
  }).spawn();
}

/** Starts a worker that stops half-way in its first job, and kills it there. */
async function killWorker(place: number, halfWay: "before" | "after"): Promise<void> {
  const worker = start("./job_queue_worker.ts", `${place}`, halfWay);
  await worker.stdout.getReader().read();
  worker.kill("SIGKILL");
  await worker.status;
  console.log(`a worker died ${halfWay} it had noted its job: ${await putBack(place)}`);
}

/** What a dead worker had noted goes back into the queue. */
async function putBack(place: number): Promise<string> {
  const slot = Slot.array(slots).at(place);
  if (slot.atomic("taken").load() === 0) return "it is in the queue still";
  await jobs.send({ id: slot.id });
  slot.atomic("taken").store(0);
  return "it is in the queue again";
}

/** Starts a worker, and another one in its place if it dies. */
async function keepWorker(place: number): Promise<void> {
  const { success } = await start("./job_queue_worker.ts", `${place}`).output();
  if (success) return;
  await putBack(place);
  await keepWorker(place);
}

const producers = Array.from(
  { length: PRODUCERS },
  (_, i) => start("./job_queue_producer.ts", `${i * JOBS_EACH}`, `${JOBS_EACH}`).output(),
);
await killWorker(0, "before");
await killWorker(0, "after");
const workers = Array.from({ length: WORKERS }, (_, place) => keepWorker(place));

const squares = new Map<number, number>();
while (squares.size < PRODUCERS * JOBS_EACH) {
  const { id, square } = (await results.receive())!;
  squares.set(id, square);
}
jobs.closeSending(); // the workers end when the queue is empty
await Promise.all([...workers, ...producers]);
const sum = squares.values().reduce((sum, square) => sum + square);
console.log(`${squares.size} jobs are done, the sum of their squares is ${sum}`);
