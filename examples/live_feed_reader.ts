/** A reader of live_feed.ts: it says that it has subscribed, and at the end what it received. */
import { Broadcast, Channel } from "@mmap/mmap/channel";

const [pace] = Deno.args;
using feed = Broadcast.fromEnv();
using prices = feed.subscribe();
using reports = Channel.fromEnv();
const lines = reports.values<string>();
await lines.send("ready");

let received = 0;
let highest = 0;
for await (const message of prices) {
  highest = Math.max(highest, new Float64Array(message.buffer, message.byteOffset)[0]!);
  received++;
  if (pace === "slow") await new Promise((resolve) => setTimeout(resolve, 5));
}
const percent = Math.round(100 * received / (received + prices.lost));
await lines.send(
  `the ${pace} reader got ${received} prices and lost ${prices.lost} (${percent} %); ` +
    `the highest was ${highest.toFixed(2)}`,
);
