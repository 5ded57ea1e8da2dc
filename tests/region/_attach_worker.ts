/** A Worker that attaches to the handle of each message, counts in it, and answers. */

import { MmapRegion } from "@mmap/mmap";

const scope = self as unknown as {
  onmessage: (event: MessageEvent) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = ({ data: { handle, times } }) => {
  using region = MmapRegion.attach(handle);
  const counters = region.view(Int32Array);
  for (let i = 0; i < times; i++) Atomics.add(counters, 0, 1);
  scope.postMessage({ access: region.access, byteLength: region.byteLength });
};
