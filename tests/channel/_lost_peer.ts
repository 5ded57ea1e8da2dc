/** Another process at a channel in a file: prints what it finds. */

import { MmapRegion } from "@mmap/mmap";
import { Broadcast, Channel } from "@mmap/mmap/channel";

const [what, path, more] = Deno.args as [string, string, string];
const capacity = 16384;

if (what === "publish") {
  using feed = Broadcast.create({ path, capacity });
  feed.publish(new Uint8Array(1));
  console.log("published");
} else if (what === "over") {
  using region = MmapRegion.open(path, { access: "read-write" });
  using channel = Channel.over(region, Number(more));
  try {
    console.log(channel.receiveSync({ timeoutMs: 100 }));
  } catch (error) {
    console.log(error instanceof Deno.errors.TimedOut ? "nothing" : (error as Error).name);
  }
} else {
  const found: (string | number)[] = [];
  try {
    // It is not closed: then the last consumer would have left, and nobody could send any more.
    const channel = Channel.create({ path, capacity, ...JSON.parse(more) });
    const limits = { timeoutMs: 20_000 };
    for (let m = channel.receiveSync(limits); m !== null; m = channel.receiveSync(limits)) {
      found.push(m.length);
    }
    found.push("end");
  } catch (error) {
    found.push((error as Error).name);
  }
  console.log(found.join(" "));
  Deno.exit();
}
