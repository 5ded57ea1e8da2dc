/** Closing what lies in damaged memory: a peer may write anything there, and nobody is kept from going. */

import { MmapRegion, type RegionHandle } from "@mmap/mmap";
import { Broadcast, Channel, Latest, serve, type Server } from "@mmap/mmap/channel";
import { PAGE } from "../_pages.ts";

const MANY = { producers: "multiple", consumers: "multiple" } as const;
const NONSENSE = [-1, 0x7fffffff, 0x40000001];
const message = new Uint8Array(8);

interface Shared extends Disposable {
  handle(): RegionHandle;
}

/** What uses the memory in every way that has an end. */
const MAKERS: Record<string, () => { shared: Shared; users?: Disposable[] }> = {
  "a Channel": () => ({ shared: used(Channel.create({ capacity: PAGE })) }),
  "a Channel of many": () => ({ shared: used(Channel.create({ capacity: PAGE, ...MANY })) }),
  "a Broadcast": () => {
    const shared = Broadcast.create({ capacity: PAGE });
    const users = [shared.subscribe()];
    shared.publish(message);
    return { shared, users };
  },
  "a Latest": () => {
    const shared = Latest.create({ byteLength: 8 });
    shared.write(message);
    return { shared };
  },
};

function used(channel: Channel): Channel {
  channel.sendSync(message);
  channel.tryReceive();
  return channel;
}

for (const [name, make] of Object.entries(MAKERS)) {
  for (const nonsense of NONSENSE) {
    Deno.test(`close() of ${name} does not throw where one word after the other is ${nonsense}`, () => {
      for (let word = 0; word < PAGE / 4; word++) {
        const { shared, users = [] } = make();
        damage(shared, word, nonsense);
        for (const each of [...users, shared]) each[Symbol.dispose]();
      }
    });
  }
}

for (const nonsense of NONSENSE) {
  Deno.test(`close() of a Server does not throw where one word after the other is ${nonsense}`, async () => {
    for (let word = 0; word < 256; word++) {
      const server: Server = serve({}, (request) => request);
      damage(server, word, nonsense);
      server.close();
      await server.finished;
    }
  });
}

/** As a peer would. */
function damage(shared: { handle(): RegionHandle }, word: number, nonsense: number): void {
  using region = MmapRegion.attach(shared.handle());
  region.view(Int32Array)[word] = nonsense;
}
