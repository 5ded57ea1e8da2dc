/** A worker of fan_out.ts: takes one part after the other until there are no more. */
import { Channel } from "@mmap/mmap/channel";
import type { Count, Range } from "./fan_out.ts";

using tasks = Channel.fromEnv("TASKS");
using results = Channel.fromEnv("RESULTS");
const counts = results.values<Count>();

for await (const { from, to } of tasks.values<Range>()) {
  let primes = 0;
  for (let n = from; n < to; n++) if (isPrime(n)) primes++;
  await counts.send({ primes });
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return n > 1;
}
