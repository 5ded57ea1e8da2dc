/** Tries everything that a peer can, in memory that is overwritten all the time. */

import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { act } from "../_act.ts";

const KNOWN = new Set([
  "InvalidData",
  "AlreadyExists",
  "Busy",
  "BrokenPipe",
  "ConnectionReset",
  "TimedOut",
  "RangeError",
]);

// Not the locks: a thread that lives may be waited for without end.
// deno-fmt-ignore
const TARGETS = [
  2, 3, 4, 5, 7, 16, 17, 32, 33, 48, 64, 130, 131, 134, 135, 638, 639, 768, 769, 770, 772,
  ...Array.from({ length: 40 }, (_, i) => 1024 + i * 2),
];

const MANNERS = [{}, { producers: "multiple", consumers: "multiple" }] as const;

await act({
  /** @returns how often each error was thrown */
  overwrite(seed: number): Record<string, number> {
    const region = MmapRegion.anonymous(4096 + 65536);
    const words = region.view(Int32Array);
    const guard = MmapRegion.anonymous(4096);
    const seen: Record<string, number> = {};
    const tried = (action: () => unknown): void => {
      try {
        action();
      } catch (error) {
        const { name } = error as Error;
        if (!KNOWN.has(name)) throw error;
        seen[name] = (seen[name] ?? 0) + 1;
      }
    };
    let x = seed;
    const random = (): number => {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      return x | 0;
    };
    const values = [
      () => random(),
      () => 0,
      () => -1,
      () => random() & 0xff,
      () => 1 << (random() & 31),
      () => 0x7fffffff,
    ];
    for (let round = 0; round < 1500; round++) {
      words.fill(0);
      tried(() => {
        const pooled = (round & 2) > 0;
        using channel = Channel.over(region, 0, { ...MANNERS[round & 1], pooled });
        for (let i = 0; i < 5; i++) channel.trySend(new Uint8Array(random() & 0x7ff));
        for (let i = 0; i < 3; i++) {
          const target = TARGETS[(random() >>> 1) % TARGETS.length]!;
          words[target] = values[(random() >>> 1) % values.length]!();
        }
        for (let i = 0; i < 3; i++) {
          tried(() => channel.trySend(new Uint8Array(random() & 0x7ff)));
          tried(() => channel.tryReceive());
          tried(() => {
            using message = channel.peek();
            message?.bytes.at(-1);
          });
          tried(() => {
            using slot = channel.reserve(random() & 0xff);
            slot?.commit(1);
          });
          tried(() => channel.tryReceiveInto(new Uint8Array(100)));
          tried(() => channel.receiveSync({ timeoutMs: 1 }));
          tried(() => channel.sendSync(new Uint8Array(3), { timeoutMs: 1 }));
          tried(() => channel.ended);
        }
        tried(() => {
          using other = Channel.over(region);
          tried(() => other.tryReceive());
          tried(() => other.trySend(new Uint8Array(1)));
        });
        tried(() => Channel.attach(region.handle()).close());
      });
    }
    guard.close();
    return seen;
  },
});
