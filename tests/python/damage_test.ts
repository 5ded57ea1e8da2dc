/** Nonsense and other versions in the memory: an error for Python, never a crash. */

import { assert, assertEquals } from "@std/assert";
import { formatHandle, MmapRegion } from "@mmap/mmap";
import { Broadcast, Channel, Latest } from "@mmap/mmap/channel";
import { assertRaises, PythonPeer, testWithPython } from "./_peer.ts";

const HEADER = 4096;
const MAGIC = 2;
const VERSION = 3;
const CAPACITY = 4;

type Kind = "Channel" | "Latest" | "Broadcast";

interface Opened extends Disposable {
  readonly region: MmapRegion;
}

const KINDS: Record<Kind, () => Opened> = {
  Channel: () => Channel.create({ capacity: 4096 }),
  Latest: () => Latest.create({ byteLength: 100 }),
  Broadcast: () => Broadcast.create({ capacity: 4096 }),
};

for (const [kind, create] of Object.entries(KINDS)) {
  testWithPython(`${kind}.attach() refuses other things, versions and sizes`, async () => {
    using opened = create();
    await using python = new PythonPeer();
    const cells = opened.region.view(Int32Array);
    const attach = (): Promise<void> =>
      python.make("x", `${kind}.attach`, formatHandle(opened.region.handle()));
    await attach();
    await python.do("x.close");
    const change = async (at: number, value: number, says: string): Promise<void> => {
      const before = cells[at]!;
      cells[at] = value;
      await assertRaises(attach(), "ValueError", says);
      cells[at] = before;
    };
    await change(VERSION, cells[VERSION]! - 1, `it has version ${cells[VERSION]! - 1}`);
    await change(MAGIC, 0, "the region holds no");
    await change(MAGIC, 7, "the region holds no");
    for (const capacity of [0, 1000, 4096 * 3, 8192, -4096]) {
      await change(
        CAPACITY,
        capacity,
        capacity === 8192 && kind !== "Latest" ? "region has" : "damaged",
      );
    }
    await attach(); // nothing was left behind
    using small = MmapRegion.anonymous(100);
    const handle = formatHandle(small.handle());
    await assertRaises(python.make("x", `${kind}.attach`, handle), "ValueError", "region has");
  });
}

for (const length of [-2, 4096, 2041, 100]) {
  testWithPython(`a record of ${length} bytes in a ring is damage for Python`, async () => {
    await using python = new PythonPeer();
    using channel = Channel.create({ capacity: 4096 });
    using broadcast = Broadcast.create({ capacity: 4096 });
    await python.make("c", "Channel.attach", formatHandle(channel.handle()));
    await python.make("b", "Broadcast.attach", formatHandle(broadcast.handle()));
    channel.sendSync(new Uint8Array(9));
    broadcast.publish(new Uint8Array(9));
    for (const { region } of [channel, broadcast]) region.view(Int32Array)[HEADER / 4] = length;
    await assertRaises(python.do("c.receive"), "ValueError", "the ring is damaged");
    await assertRaises(python.do("b.receive"), "ValueError", "the ring is damaged");
  });
}

/** Numbers that repeat from run to run. */
function* random(seed: number): Generator<number, never> {
  let state = seed;
  while (true) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    yield state >>> 8;
  }
}

/** The errors that Python may raise; nothing else, and no signal. */
const ERRORS = /^(ValueError|OSError|TimeoutError|BrokenPipeError|ConnectionResetError)$/;

for (const [kind, create] of Object.entries(KINDS)) {
  testWithPython(`${kind} with nonsense in its memory never kills or stops Python`, async () => {
    await using python = new PythonPeer();
    let failures = 0;
    for (let round = 0; round < 60; round++) {
      using opened = create();
      const cells = opened.region.view(Int32Array);
      const numbers = random(round + 1);
      const next = (below: number): number => numbers.next().value % below;
      await python.make("x", `${kind}.attach`, formatHandle(opened.region.handle()));
      for (let i = 0; i < 40; i++) {
        const at = next(3) === 0 ? HEADER / 4 + next(1024) : 6 + next(1018);
        cells[at] = [next(2 ** 24) << 8, -1, next(100), 1 << next(32)][next(4)]!;
      }
      for (const error of await python.ask("use_all", "x") as string[]) {
        assert(ERRORS.test(error), error);
        failures++;
      }
    }
    assert(failures > 0);
    assertEquals((await python.ended()).signal, null);
  });
}
