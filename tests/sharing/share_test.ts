/** share() and received(): regions and what lies in them, on their way to a Worker. */

import { MmapRegion, received, share } from "@mmap/mmap";
import { Channel, serve } from "@mmap/mmap/channel";
import { layOut, Mutex } from "@mmap/mmap/sync";
import { struct, u32 } from "@mmap/mmap/struct";
import { assert, assertEquals, assertThrows } from "@std/assert";

/** As in the Worker. */
const Shared = layOut({ mutex: Mutex, state: struct({ count: u32 }) });

Deno.test("share() gives a Worker a region, a layout, a channel and a server", async () => {
  using region = MmapRegion.anonymous(4096);
  using layout = Shared.create();
  using jobs = Channel.create({ capacity: 4096 });
  await using calls = serve({ capacity: 4096 }, (request) => request.map((byte) => 2 * byte));
  const worker = new Worker(new URL("_sharing_worker.ts", import.meta.url), { type: "module" });
  const answer = new Promise<MessageEvent>((resolve, reject) => {
    worker.onmessage = resolve;
    worker.onerror = reject;
  });
  share(worker, { region, layout: layout.region, jobs, calls });
  await jobs.send(new Uint8Array([1, 2, 3]));
  assertEquals((await answer).data, new Uint8Array([2, 4, 6]));
  assertEquals([region.bytes[0], layout.state.count], [1, 1]);
  worker.terminate();
});

/** What a port would deliver. */
function delivered(objects: Parameters<typeof share>[1]): { data: unknown } {
  let data: unknown;
  share({ postMessage: (message) => void (data = structuredClone(message)) }, objects);
  return { data };
}

Deno.test("received() attaches to all or to nothing", () => {
  using region = MmapRegion.anonymous(4096);
  const event = delivered({ one: region, other: region });
  const made: MmapRegion[] = [];
  const watched = {
    attach(handle: Parameters<typeof MmapRegion.attach>[0]): MmapRegion {
      made.push(MmapRegion.attach(handle));
      return made.at(-1)!;
    },
  };
  const both = received(event, { one: watched, other: watched });
  both.one.bytes[5] = 3;
  assertEquals([both.other.bytes[5], region.bytes[5], made.length], [3, 3, 2]);
  assertThrows(() => received(event, { one: watched, other: Channel }), Deno.errors.InvalidData);
  assertThrows(() => received(event, { one: watched, third: MmapRegion }), TypeError, "'third'");
  assertThrows(() => received(event, { one: watched, toString: MmapRegion }), TypeError, "name");
  assertEquals(made.slice(2).map(({ closed }) => closed), [true, true, true]);
  assert(!both.one.closed);
  both.one.close();
  both.other.close();
});

Deno.test("share() and received() refuse what they cannot do, and post nothing", () => {
  const posted: unknown[] = [];
  const target = { postMessage: (message: unknown): void => void posted.push(message) };
  // deno-lint-ignore no-explicit-any -- what the compiler would refuse
  const wrong = (objects: any): void => share(target, objects);
  using region = MmapRegion.anonymous(4096);
  for (const value of [undefined, null, 5, {}, region.bytes]) {
    assertThrows(() => wrong({ region, value }), TypeError, "'value'");
  }
  using hidden = MmapRegion.anonymous(4096, { sharing: "private" });
  assertThrows(() => wrong({ region, hidden }), Deno.errors.NotSupported);
  assertEquals(posted, []);
  for (const data of [undefined, null, 5, {}, structuredClone({ region: {} })]) {
    assertThrows(() => received({ data }, { region: MmapRegion }), TypeError, "share()");
  }
  const event = delivered({ region });
  assertThrows(() => received(event, { region: 5 as never }), TypeError, "'region'");
});
