/** Memory of another file, where a region's has been if addresses are given again. */

import { join } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import { MIB } from "./consumer.ts";
import { isAll, OTHERS } from "./counts.ts";

/** Makes the file, once for all. */
export function makeOthers(dir: string): string {
  const path = join(dir, "others.bin");
  Deno.writeFileSync(path, new Uint8Array(LARGEST).fill(OTHERS));
  return path;
}

const LARGEST = 32 * MIB;

export class Others {
  readonly #regions: MmapRegion[];

  /** Opens regions like those that may just have ended: one of `byteLength`, and its neighbours. */
  constructor(path: string, byteLength: number) {
    this.#regions = [byteLength, byteLength >> 1, 2 * byteLength].map((byteLength) =>
      MmapRegion.open(path, { access: "read-write", byteLength })
    );
  }

  /** Ends it. @returns what was wrong with it */
  close(): string[] {
    const intact = this.#regions.every(({ bytes }) => isAll(bytes, OTHERS));
    for (const region of this.#regions) region.close();
    return intact ? [] : ["another region was written to"];
  }
}
