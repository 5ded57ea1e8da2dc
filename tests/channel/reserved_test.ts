/** Memory without a file, of channels and what is built of them: all of it is there from the start. */

import { assert, assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Broadcast, Channel, Latest, spawnWithChannel } from "@mmap/mmap/channel";
import { SharedArray, SharedMap } from "@mmap/mmap/collections";
import { f64 } from "@mmap/mmap/struct";
import { memoryLimit } from "../_capabilities.ts";
import { echo, openService } from "./calls/_calls.ts";

const { ignore } = memoryLimit;

/** How much memory a descriptor's object has, and how long it is. */
function sizes(fd: number | string): [there: number, byteLength: number] {
  const { blocks, size } = Deno.statSync(`/proc/self/fd/${fd}`);
  return [blocks! * 512, size];
}

/** Something in a region of its own. */
type Made = Disposable & { readonly region: MmapRegion };

function inRegion(place: (region: MmapRegion) => Disposable): Made {
  const region = MmapRegion.anonymous(1 << 20);
  const made = place(region);
  return { region, [Symbol.dispose]: () => (made[Symbol.dispose](), region.close()) };
}

const MAKERS: Readonly<Record<string, () => Made>> = {
  "Channel.create": () => Channel.create({ capacity: 1 << 20 }),
  "Broadcast.create": () => Broadcast.create({ capacity: 1 << 20 }),
  "Latest.create": () => Latest.create({ byteLength: 100_000 }),
  "Channel.over": () => inRegion((region) => Channel.over(region, 0, { capacity: 1 << 19 })),
  "SharedMap.open": () => inRegion((region) => SharedMap.open(region)),
  "SharedArray.open": () => inRegion((region) => SharedArray.open(region, f64)),
};

for (const [name, make] of Object.entries(MAKERS)) {
  Deno.test({
    name: `${name}() reserves what it takes of memory without a file`,
    ignore,
    fn: () => {
      using made = make();
      const [there, byteLength] = sizes(made.region.handle().fd);
      if (name === "Channel.over") assertEquals(there, 4096 + (1 << 19));
      else if (name === "SharedMap.open") assert(there > 900_000, `${there}`); // a rest is too short
      else assertEquals(there, Math.ceil(byteLength / 4096) * 4096);
    },
  });
}

Deno.test({
  name: "spawnWithChannel() reserves the channel",
  ignore,
  fn: async () => {
    using child = spawnWithChannel("true");
    const [there, byteLength] = sizes(child.channel.region.handle().fd);
    assertEquals(there, byteLength);
    await child.process.status;
  },
});

Deno.test({
  name: "a server and each of its clients reserve their memory",
  ignore,
  fn: async () => {
    await using service = openService(echo, { capacity: 65536 });
    await service.client.call(new Uint8Array(1));
    const found: string[] = [];
    for (const { name } of Deno.readDirSync("/proc/self/fd")) {
      try {
        if (!/mmap (server|connection)/.test(Deno.readLinkSync(`/proc/self/fd/${name}`))) continue;
      } catch {
        continue; // the directory's own
      }
      const [there, byteLength] = sizes(name);
      assertEquals(there, byteLength);
      found.push(name);
    }
    assert(found.length >= 3, `${found}`);
  },
});
