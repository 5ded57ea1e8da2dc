/** Who reads which kind; loaded when one is met. */

import type { Reader } from "./finding.ts";
import type { KindName } from "./kinds.ts";

/** The reader of each kind. */
export const READERS: Readonly<Record<KindName, () => Promise<Reader>>> = {
  channel: async () => (await import("./channel.ts")).readChannel,
  broadcast: async () => (await import("./broadcast.ts")).readBroadcast,
  latest: async () => (await import("./latest.ts")).readLatest,
  server: async () => (await import("./server.ts")).readServer,
  map: async () => (await import("./map.ts")).readMap,
  log: async () => (await import("./log.ts")).readLog,
  array: async () => (await import("./array.ts")).readArray,
  cache: async () => (await import("./cache.ts")).readCache,
  layout: async () => (await import("./layout.ts")).readLayout,
  region: async () => (await import("./bare.ts")).readBare,
};
