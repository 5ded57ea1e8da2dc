/** Workers of these tests: each action of this program answers messages, one by one. */

import { MmapRegion, type RegionHandle } from "@mmap/mmap";
import { act, gc, scope } from "../_act.ts";
import { descriptorsOf, mapsOf } from "../_process.ts";

// deno-lint-ignore no-explicit-any -- each action has messages of its own
function answer(reply: (message: any) => unknown): void {
  scope.onmessage = ({ data }) => scope.postMessage(reply(data));
}

/** A region that a Worker keeps. */
let region: MmapRegion | undefined;

await act({
  attachAndWrite: () =>
    answer((handle: RegionHandle) => {
      using region = MmapRegion.attach(handle);
      region.bytes[1] = region.bytes[0]! + 1;
      return [region.kind, region.byteLength];
    }),

  attachAndKeep: () =>
    answer((handle: RegionHandle) => {
      region ??= MmapRegion.attach(handle);
      return region.bytes[0];
    }),

  makeAndClose: () =>
    answer((message: string) => {
      region ??= MmapRegion.anonymous(4096);
      if (message === "close") region.close();
      else region.bytes[0] = 7;
      return message === "close" ? null : region.handle();
    }),

  count(): void {
    let counters: Int32Array;
    answer((message: SharedArrayBuffer) => {
      counters ??= new Int32Array(message);
      for (let i = 0; i < 10_000; i++) Atomics.add(counters, 0, 1);
      return counters[0];
    });
  },

  readAgain(): void {
    let bytes: Uint8Array;
    answer((message: SharedArrayBuffer | "again") => {
      if (message !== "again") bytes = new Uint8Array(message);
      const first = bytes[0];
      bytes[1] = 7;
      return [bytes.length, first];
    });
  },

  wait: () =>
    answer((shared: SharedArrayBuffer) => {
      const words = new Int32Array(shared);
      Atomics.store(words, 1, 1); // about to wait
      return [Atomics.wait(words, 0, 0, 30_000), words[0]];
    }),

  notify: () =>
    answer((shared: SharedArrayBuffer) => {
      const words = new Int32Array(shared);
      words[0] = 7;
      return Atomics.notify(words, 0);
    }),

  /** A child, no Worker: nobody closes the region whose shared buffer it has. */
  async forget(path: string): Promise<unknown> {
    const collect = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve));
      }
    };
    const held = (): number[] => [descriptorsOf(path).length, mapsOf(path).length];
    let bytes: Uint8Array | undefined;
    function open(): void {
      const region = MmapRegion.open(path, { access: "read-write" });
      bytes = new Uint8Array(region.sharedBuffer());
    }
    function writeAndForget(): void {
      bytes![0] = 42;
      bytes = undefined;
    }
    open();
    await collect();
    const descriptors = held()[0];
    writeAndForget();
    const first = Deno.readFileSync(path)[0];
    await collect();
    return { open: [descriptors, first], forgotten: held() };
  },
});
