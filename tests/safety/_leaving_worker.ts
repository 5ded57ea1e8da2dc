/** A Worker that opens regions of each kind, closes none, and gives the memory of one away. */

import { MmapRegion } from "@mmap/mmap";
import { Mutex } from "@mmap/mmap/sync";
import { PAGE } from "../_pages.ts";

/** Of a Worker's global scope. */
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<{ path: string; ends: boolean }>) => void;
  postMessage(message: unknown, transfer: Transferable[]): void;
  close(): void;
  kept: unknown;
};

scope.onmessage = ({ data: { path, ends } }) => {
  const label = "left by a Worker";
  const given = MmapRegion.open(path);
  const regions = [
    MmapRegion.open(path),
    MmapRegion.open(path, { guard: false }),
    MmapRegion.open(path, { access: "copy-on-write" }),
    MmapRegion.anonymous(PAGE, { label }),
    MmapRegion.anonymous(PAGE, { sharing: "private", label }),
    MmapRegion.anonymous(PAGE, { label }),
  ];
  for (const region of regions.slice(0, 3)) void region.bytes;
  regions[3]!.resize(500 * PAGE);
  // Grows while a read is under way, and nobody asks for its bytes again.
  const unguarded = MmapRegion.anonymous(64 << 20, { guard: false, label });
  void Deno.openSync("/dev/zero").read(unguarded.bytes);
  unguarded.resize(65 << 20);
  using lock = new Mutex(regions[5]!).lockSync();
  scope.kept = [...regions, unguarded, lock];
  const { buffer } = given;
  scope.postMessage(buffer, [buffer]);
  if (ends) scope.close();
};
