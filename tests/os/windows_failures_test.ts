/** What Windows' calls leave behind that fail once: nothing, and the same call succeeds later. */

import { assertEquals } from "@std/assert";
import { type Access, MmapRegion } from "@mmap/mmap";
import { ERROR_COMMITMENT_LIMIT } from "../../ffi/windows/errors.ts";
import { lastError, type Windows, windows } from "../../ffi/windows/library.ts";
import { system } from "../../src/os/mod.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { makeFile, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { patchWindows } from "../_windows_library.ts";

/** Elsewhere there is no such test: `deno task test:windows` runs these. */
function onWindows(name: string, fn: () => void | Promise<void>): void {
  if (system().name === "windows") Deno.test(`on Windows, ${name}`, fn);
}

/** Has the first call of that name fail that is meant. @returns what ends that */
function failOnce<N extends keyof Windows>(
  name: N,
  result: ReturnType<Windows[N]>,
  error: number,
  isMeant: (...args: Parameters<Windows[N]>) => boolean = () => true,
): () => void {
  const real = windows()[name] as (...args: unknown[]) => unknown;
  let failed = false;
  return patchWindows({
    [name]: (...args: Parameters<Windows[N]>) => {
      if (failed || !isMeant(...args)) return real(...args);
      failed = true;
      lastError[0] = error;
      return result;
    },
  });
}

/** Regions with room to grow in place, and the call that maps what they get. */
const GROWING: Record<string, { open: (dir: string) => MmapRegion; call: keyof Windows }> = {
  "of a file within its reserve": {
    open: (dir) => openFile(dir, { reserve: 16 * PAGE }),
    call: "MapViewOfFile3",
  },
  "of a file that has been moved": { open: (dir) => moved(openFile(dir)), call: "MapViewOfFile3" },
  "of private memory that has been moved": {
    open: () => moved(MmapRegion.anonymous(PAGE, { sharing: "private" })),
    call: "VirtualAlloc2",
  },
  "of shared memory that has been moved": {
    open: () => moved(MmapRegion.anonymous(PAGE)),
    call: "MapViewOfFile3",
  },
};

function openFile(dir: string, options: { reserve?: number } = {}): MmapRegion {
  const access: Access = "read-write";
  return MmapRegion.open(makeFile(dir, PAGE), { access, ...options });
}

/** A region gets room behind it when it grows for the first time. */
function moved(region: MmapRegion): MmapRegion {
  region.resize(2 * PAGE);
  return region;
}

for (const [what, { open, call }] of Object.entries(GROWING)) {
  onWindows(`a region ${what} grows after it could not`, () =>
    withTempDir((dir) => {
      using region = open(dir);
      const { byteLength, bytes: { buffer } } = region;
      const start = Deno.UnsafePointer.of(buffer);
      // More than before, and less: each time the rest is in other parts.
      for (const pages of [4, 6, 3]) {
        const restore = failOnce(call, null as never, ERROR_COMMITMENT_LIMIT);
        const resize = (): void => region.resize(pages * PAGE);
        assertThrowsSystem(resize, Error, "ENOMEM", call);
        restore();
        assertEquals(region.byteLength, byteLength);
      }
      region.resize(8 * PAGE);
      region.bytes.fill(5, byteLength);
      assertEquals([region.byteLength, region.bytes.at(-1)], [8 * PAGE, 5]);
      assertEquals(Deno.UnsafePointer.equals(Deno.UnsafePointer.of(region.bytes), start), true);
    }));
}
