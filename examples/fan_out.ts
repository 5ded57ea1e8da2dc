/**
 * Four worker processes share the work: each message goes to the one that is free first.
 *
 *     deno run --allow-ffi --allow-run examples/fan_out.ts
 */
import { Channel } from "@mmap/mmap/channel";

const WORKERS = 4;
const LIMIT = 20_000;
const STEP = 500;

/** A part of the work. */
export type Range = { from: number; to: number };
/** How many prime numbers there are in a part. */
export type Count = { primes: number };

using tasks = Channel.create({ capacity: 65536, consumers: "multiple" });
using results = Channel.create({ capacity: 65536, producers: "multiple" });

// The parent counts as a producer, too. Otherwise a worker that finishes before another one has
// sent anything would be the last producer, and end the channel.
await results.sendMany([]);

const workers = Array.from({ length: WORKERS }, () =>
  new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-ffi", import.meta.resolve("./fan_out_worker.ts")],
    env: { ...tasks.env("TASKS"), ...results.env("RESULTS") },
  }).spawn());

const ranges = tasks.values<Range>();
for (let from = 0; from < LIMIT; from += STEP) await ranges.send({ from, to: from + STEP });
tasks.closeSending();

let primes = 0;
const counts = results.values<Count>();
for (let received = 0; received < LIMIT / STEP; received++) {
  primes += (await counts.receive())!.primes;
}
for (const worker of workers) await worker.status;
console.log(`${LIMIT / STEP} parts went to ${WORKERS} workers`);
console.log(`there are ${primes} primes below ${LIMIT}`);
