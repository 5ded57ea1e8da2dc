/**
 * The other process of awaited_ratios.ts: answers without blocking its event loop. Arguments: the module
 * for channels of a build, and the kind.
 */

import type { Broadcast, Channel, Latest, serve } from "@mmap/mmap/channel";

interface Channels {
  readonly Broadcast: typeof Broadcast;
  readonly Channel: typeof Channel;
  readonly Latest: typeof Latest;
  readonly serve: typeof serve;
}

const [url, kind] = Deno.args as [string, string];
const { Broadcast: Broadcasts, Channel: Channels, Latest: Latests, serve: serving }: Channels =
  await import(url);

const kinds: Record<string, () => Promise<void>> = {
  Channel: async () => {
    const back = Channels.fromEnv("BACK");
    for await (const message of Channels.fromEnv("TO")) await back.send(message);
    back.close();
  },
  calls: async () => {
    const server = serving({ path: Deno.env.get("SERVER")! }, (request) => request);
    await Channels.fromEnv("TO").receive();
    server.close();
  },
  Broadcast: async () => {
    const back = Broadcasts.fromEnv("BACK");
    using subscription = Broadcasts.fromEnv("TO").subscribe({ from: "oldest" });
    for await (const message of subscription) back.publish(message);
    back.close();
  },
  Latest: async () => {
    const [to, back] = [Latests.fromEnv("TO"), Latests.fromEnv("BACK")];
    for (let value = to.read(); value[0] !== 255; value = to.read()) {
      const changed = to.changed();
      if (to.read()[0] === value[0]) {
        back.write(value);
        await changed;
      }
    }
  },
  pipe: () => Deno.stdin.readable.pipeTo(Deno.stdout.writable),
};

await kinds[kind]!();
