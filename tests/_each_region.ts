/** One test body on every kind of writable region. */

import type { MmapRegion } from "@mmap/mmap";
import { withTempDir } from "./_files.ts";
import { PAGE } from "./_pages.ts";
import { KINDS } from "./_regions.ts";

/** The length of the regions: some pages and a part of one. */
export const LENGTH = 3 * PAGE + 50;

/** Runs `body` on one region of zeros after the other. */
export async function onEachRegion(
  body: (region: MmapRegion) => void | Promise<void>,
): Promise<void> {
  for (const kind of KINDS) {
    await withTempDir(async (dir) => {
      using region = kind.make(dir, LENGTH);
      await body(region);
    });
  }
}

/** Values of other types than number. */
export const NO_NUMBERS: readonly unknown[] = [null, "1", {}, [], true, 1n];

/** Numbers that are no offset. */
export const NO_OFFSETS: readonly number[] = [NaN, Infinity, -Infinity, -1, 0.5, 2 ** 53];
