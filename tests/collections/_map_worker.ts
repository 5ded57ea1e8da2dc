/** The Worker of map_processes_test.ts: counts in a map, and says when it is done. */

import { SharedMap } from "@mmap/mmap/collections";

declare const self: {
  onmessage: (event: MessageEvent<{ path: string; times: number }>) => void;
  postMessage(message: unknown): void;
};

self.onmessage = ({ data: { path, times } }) => {
  {
    using map = SharedMap.open(path);
    for (let i = 0; i < times; i++) map.increment("count");
  }
  self.postMessage("done");
};
