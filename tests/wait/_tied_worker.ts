/** Takes locks and gives them back, again and again, and then keeps some. */

import { MmapRegion } from "@mmap/mmap";
import { Mutex } from "@mmap/mmap/sync";
import { descriptorsOf, openDescriptors } from "../_process.ts";

export const HELD = 3;

self.addEventListener("message", (event) => {
  const path = (event as MessageEvent<string>).data;
  const open = () => MmapRegion.open(path, { access: "read-write" });
  const lockSome = (): number => {
    for (let i = 0; i < 20; i++) {
      using region = open();
      new Mutex(region).lockSync().unlock();
    }
    return openDescriptors().length;
  };
  const first = lockSome();
  const again = lockSome();
  const regions = Array.from({ length: HELD }, open);
  regions.forEach((region, i) => new Mutex(region, 64 * i).lockSync());
  const during = { more: again - first, held: descriptorsOf(path).length };
  (self as unknown as Worker).postMessage(during);
});
