/** A process that makes shared memory and waits until it is killed. */

import { MmapRegion } from "@mmap/mmap";
import { system } from "../../src/os/mod.ts";
import { act } from "../_act.ts";

/** Until it is killed. */
function wait(): Promise<never> {
  setInterval(() => {}, 1000);
  return new Promise(() => {});
}

await act({
  async make(name: string): Promise<void> {
    const named = MmapRegion.named(name, { createNew: true, byteLength: 100 });
    const anonymous = MmapRegion.anonymous(100);
    console.log(JSON.stringify(anonymous.handle()));
    await wait();
    named.close();
  },

  async tellThread(): Promise<void> {
    console.log(JSON.stringify(system().processes.thread()));
    await wait();
  },
});
