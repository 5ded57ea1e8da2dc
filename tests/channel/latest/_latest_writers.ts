/** Writers of the value in their environment. */

import { Latest } from "@mmap/mmap/channel";
import { act } from "../../_act.ts";

await act({
  /** Writes until it is killed. */
  write(): void {
    const latest = Latest.fromEnv();
    const value = new Uint8Array(latest.byteLength);
    for (let i = 1;; i++) latest.write(value.fill(i));
  },

  /** Writes so many values of its own when told to. */
  async writeMany(first: number): Promise<void> {
    const latest = Latest.fromEnv();
    const value = new Uint8Array(latest.byteLength);
    console.log("up");
    await Deno.stdin.read(new Uint8Array(1));
    for (let i = 0; i < 20_000; i++) latest.write(value.fill(first + i % 100));
  },
});
