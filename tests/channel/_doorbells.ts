/** Main programs that await messages; only those have doorbells. */

import { Broadcast, Channel, Latest } from "@mmap/mmap/channel";
import { act, scope, startWorker } from "../_act.ts";
import { dropPrivileges, openDescriptors, setLimit } from "../_process.ts";

const openPair = () => ({ channel: Channel.fromEnv(), back: Channel.fromEnv("BACK") });

await act({
  /** Sends every message back. @returns how many there were */
  echo(): Promise<number> {
    const { channel, back } = openPair();
    return echo(channel, back);
  },

  /** As `echo`, with no descriptor left. */
  async echoFull(): Promise<number> {
    const { channel, back } = openPair();
    channel.tryReceive();
    back.trySend(new Uint8Array(1));
    setLimit("NOFILE", 3); // whatever closes later has a higher number
    return await echo(channel, back);
  },

  /** Sends messages back until one is empty, and leaves everything open. Nothing awaits that. */
  echoUntilEmpty(): void {
    const { channel, back } = openPair();
    const echoing = async () => {
      for (let m = await channel.receive(); m!.length > 0; m = await channel.receive()) {
        await back.send(m!);
      }
      console.log("done");
    };
    echoing();
  },

  /** The other side of `echo`, as nobody. */
  async talkAsNobody(count: number): Promise<void> {
    const { channel, back } = openPair();
    dropPrivileges();
    await talk(channel, back, count);
    channel.close();
    console.log("talked");
  },

  /** Takes every message that is published. */
  async hear(): Promise<void> {
    const back = Channel.fromEnv("BACK");
    using subscription = Broadcast.fromEnv().subscribe();
    back.sendSync(new Uint8Array(1));
    for await (const message of subscription) await back.send(message);
  },

  /** Says each time that the value has changed. */
  async watch(): Promise<void> {
    const back = Channel.fromEnv("BACK");
    const latest = Latest.fromEnv();
    while (true) {
      const changed = latest.changed();
      back.sendSync(new Uint8Array(1));
      await changed;
    }
  },

  /** Talks to a Worker, and ends by itself. @returns how many pipes more it has then */
  async talkToWorker(count: number): Promise<number> {
    const before = pipes();
    const channel = Channel.create({ capacity: 4096, wait: "block" });
    const back = Channel.create({ capacity: 4096, wait: "block" });
    const handles = [channel.handle(), back.handle()];
    const { worker, next } = startWorker(import.meta.url, "echoInWorker", ...handles);
    await talk(channel, back, count);
    channel.close();
    await next();
    worker.terminate();
    back.close();
    // Both ends of its own doorbell stay.
    for (let i = 0; i < 200 && pipes() > before + 2; i++) {
      await new Promise((resolve) => setTimeout(resolve, 0)); // the Worker's thread ends
    }
    return pipes() - before;
  },

  async echoInWorker(there: string, here: string): Promise<void> {
    using channel = Channel.attach(there);
    using back = Channel.attach(here);
    for await (const message of channel) await back.send(message);
    scope.postMessage("done");
  },
});

function pipes(): number {
  return openDescriptors().filter((link) => link.startsWith("pipe:")).length;
}

async function echo(channel: Channel, back: Channel): Promise<number> {
  let count = 0;
  for await (const message of channel) {
    await back.send(message);
    count++;
  }
  back.close();
  return count;
}

async function talk(channel: Channel, back: Channel, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await channel.send(new Uint8Array([i]));
    const [answer] = (await back.receive())!;
    if (answer !== i) throw new Error(`${answer} came in place of ${i}`);
  }
}
