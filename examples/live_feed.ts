/**
 * A feed of prices with two readers, each a process: one keeps up, one is slow. The feed waits for
 * neither; the slow one learns how many prices it lost, and goes on.
 *
 *     deno run --allow-ffi --allow-run examples/live_feed.ts
 */
import { Broadcast, Channel } from "@mmap/mmap/channel";

const PRICES = 2000;

using feed = Broadcast.create({ capacity: 4096 });
using reports = Channel.create({ capacity: 4096, producers: "multiple" });

const reader = import.meta.resolve("./live_feed_reader.ts");
const readers = ["quick", "slow"].map((pace) =>
  new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-ffi", reader, pace],
    env: { ...feed.env(), ...reports.env() },
  }).spawn()
);
const lines = reports.values<string>();
for (const _ of readers) await lines.receive(); // now both have subscribed

for (let i = 0; i < PRICES; i++) {
  feed.publish(new Uint8Array(new Float64Array([100 + Math.sin(i / 100)]).buffer));
  if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}
feed.close(); // the readers get what is kept, then the end

for (const _ of readers) console.log(await lines.receive());
for (const { status } of readers) await status;
