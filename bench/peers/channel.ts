/**
 * The second process of channel_bench.ts. Arguments: what to do, the way, the wait mode, bytes. It gets
 * the number of messages of each round through a channel of its own, and sleeps in between.
 */

import { Channel, type JoinOptions } from "@mmap/mmap/channel";
import { ANSWERERS, latencies, RECEIVERS, SENDERS } from "../_channel_work.ts";
import { numberOf, numbers } from "../_channel_peer.ts";

const [what, way, wait, bytes] = Deno.args as [
  string,
  string,
  Required<JoinOptions>["wait"],
  string,
];
const byteLength = Number(bytes);

using start = Channel.fromEnv("START", { wait: "block" });
using to = Channel.fromEnv("TO", { wait, pooled: way === "pooled" });
using back = Channel.fromEnv("BACK", { wait });

const rounds: Record<string, (times: number) => unknown> = {
  async receive(times): Promise<void> {
    await RECEIVERS[way as keyof typeof RECEIVERS](to, byteLength, times);
    back.sendSync(numbers(times));
  },
  send: (times) => SENDERS[way as keyof typeof SENDERS](to, byteLength, times),
  answer: (times) => ANSWERERS[way as keyof typeof ANSWERERS](to, back, byteLength, times),
  async latency(times): Promise<void> {
    back.sendSync(numbers(...await latencies(to, way as "try" | "sync" | "await", times)));
  },
};

for (let go = start.receiveSync(); go !== null; go = start.receiveSync()) {
  await rounds[what]!(numberOf(go));
}
