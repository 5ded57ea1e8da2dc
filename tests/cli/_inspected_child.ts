/** Processes that use what is looked at. */

import { assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Child } from "../_child.ts";
import { SHAPE } from "./_kinds.ts";

/** Their program. */
export const PEER = new URL("_inspected.ts", import.meta.url);

/** A child that is ready. */
export async function peer(...args: unknown[]): Promise<Child> {
  const child = new Child(PEER, { args });
  assertEquals(await child.readLine(), "ready");
  return child;
}

/** A file with a layout that nobody uses yet. */
export function layoutFile(dir: string): string {
  const path = `${dir}/layout`;
  using region = MmapRegion.open(path, {
    access: "read-write",
    create: true,
    byteLength: SHAPE.byteLength,
  });
  SHAPE.create(region);
  return path;
}
