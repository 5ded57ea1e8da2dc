/** Regions of every writable kind, for tests of what all of them do alike. */

import { join } from "@std/path";
import { type AnonymousOptions, MmapRegion } from "@mmap/mmap";
import { factOf } from "../ffi/platform.ts";
import { system } from "../src/os/mod.ts";
import { makeSparseFile, withTempDir } from "./_files.ts";

/** A way to a writable region of zeros that can be resized either way. */
export interface RegionKind {
  readonly name: string;
  /** Whether its content is a file's, which others see. */
  readonly writesFile: boolean;
  make(dir: string, byteLength: number): MmapRegion;
}

/** Where the misaligned kind begins in its file: no multiple of anything. */
export const ODD_OFFSET = 4096 + 1001;

/** Options of shared memory that will grow: macOS gives it no more room than its maker asked for. */
export const ROOM: Pick<AnonymousOptions, "reserve"> = factOf({
  linux: {},
  darwin: { reserve: 2 ** 24 },
});

/** The file of the kinds that have one is `dir/sparse.bin`. */
export const KINDS: readonly RegionKind[] = [
  {
    name: "a file",
    writesFile: true,
    make: (dir, byteLength) =>
      MmapRegion.open(makeSparseFile(dir, byteLength), { access: "read-write" }),
  },
  {
    name: "a file from an odd byte on",
    writesFile: true,
    make: (dir, byteLength) =>
      MmapRegion.open(makeSparseFile(dir, ODD_OFFSET + byteLength), {
        access: "read-write",
        byteOffset: ODD_OFFSET,
      }),
  },
  {
    name: "a file, copy-on-write",
    writesFile: false,
    make: (dir, byteLength) =>
      MmapRegion.open(makeSparseFile(dir, 1 << 20), { access: "copy-on-write", byteLength }),
  },
  {
    name: "anonymous shared memory",
    writesFile: false,
    make: (_dir, byteLength) => MmapRegion.anonymous(byteLength, { resizable: true, ...ROOM }),
  },
  {
    name: "anonymous private memory",
    writesFile: false,
    make: (_dir, byteLength) => MmapRegion.anonymous(byteLength, { sharing: "private" }),
  },
];

/** The path of the file behind a region of {@linkcode KINDS}. */
export function fileOf(dir: string): string {
  return join(dir, "sparse.bin");
}

/** The address of a region's first byte. */
export function addressOfRegion(region: MmapRegion): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(region.bytes));
}

/** Runs `body` with memory that moves when it grows: a file where shared memory has its size for good. */
export async function withMovable(
  byteLength: number,
  body: (region: MmapRegion) => void | Promise<void>,
): Promise<void> {
  if (system().name === "linux") {
    using region = MmapRegion.anonymous(byteLength);
    return await body(region);
  }
  await withTempDir(async (dir) => {
    const options = { access: "read-write", createNew: true, byteLength } as const;
    using region = MmapRegion.open(`${dir}/movable`, options);
    await body(region);
  });
}
