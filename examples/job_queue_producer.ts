/** A producer of job_queue.ts. */
import { Channel } from "@mmap/mmap/channel";
import { Job } from "./job_queue_records.ts";

const [first, count] = Deno.args.map(Number) as [number, number];
using jobs = Channel.of(Job).fromEnv("JOBS");
for (let id = first; id < first + count; id++) await jobs.send({ id });
