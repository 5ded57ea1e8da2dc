/** What Windows' calls leave behind that fail once: nothing, and the same call succeeds later. */

import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { type Access, MmapRegion } from "@mmap/mmap";
import {
  ERROR_ACCESS_DENIED,
  ERROR_COMMITMENT_LIMIT,
  ERROR_NOT_ENOUGH_MEMORY,
} from "../../ffi/windows/errors.ts";
import { lastError, type Windows, windows } from "../../ffi/windows/library.ts";
import { system } from "../../src/os/mod.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { assertLives } from "../_faults.ts";
import { makeFile, pattern, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { handleCount, viewCount } from "../_windows_holdings.ts";
import { onWindows, patchWindows } from "../_windows_library.ts";
import { exists, withName } from "../sharing/_names.ts";

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

/** Checks that a call throws and leaves neither a handle nor a view. */
function assertLeavesNothing(call: () => unknown): void {
  const before = [handleCount(), viewCount()];
  assertThrows(call);
  assertEquals([handleCount(), viewCount()], before);
}

const FAILED_NAMES: Record<string, (name: string) => () => void> = {
  "whose memory cannot be kept": () => failOnce("DuplicateHandle", 0, ERROR_NOT_ENOUGH_MEMORY),
  "whose kept memory cannot be mapped": () => {
    let isKept = false;
    const { DuplicateHandle } = windows();
    const restore = patchWindows({
      DuplicateHandle: (...args) => (isKept = true, DuplicateHandle(...args)),
    });
    const more = failOnce("MapViewOfFile", null, ERROR_NOT_ENOUGH_MEMORY, () => isKept);
    return () => (more(), restore());
  },
  "whose entry cannot be mapped": () =>
    failOnce("MapViewOfFile", null, ERROR_NOT_ENOUGH_MEMORY, (...args) => args[4] === 4096n),
};

for (const [what, fail] of Object.entries(FAILED_NAMES)) {
  onWindows(`a name ${what} is free again`, () =>
    withName((name) => {
      const create = (): MmapRegion =>
        MmapRegion.named(name, { createNew: true, byteLength: PAGE });
      create().close();
      const restore = fail(name);
      assertLeavesNothing(create);
      restore();
      assertEquals(exists(name), false);
      create().close();
    }));
}

onWindows(
  "nothing is left of a name that is taken and cannot be looked at",
  () =>
    withName((name) => {
      const create = (): MmapRegion =>
        MmapRegion.named(name, { createNew: true, byteLength: PAGE });
      using _made = create();
      const restore = failOnce("OpenFileMappingW", 0, ERROR_ACCESS_DENIED);
      assertLeavesNothing(create);
      restore();
      assertEquals(exists(name), true);
    }),
);

onWindows("a name whose end cannot be told ends all the same", () =>
  withName((name) => {
    const create = (): MmapRegion => MmapRegion.named(name, { createNew: true, byteLength: PAGE });
    const before = [handleCount(), viewCount()];
    const region = create();
    const FILE_MAP_WRITE = 2;
    const restore = failOnce(
      "MapViewOfFile",
      null,
      ERROR_NOT_ENOUGH_MEMORY,
      (...args) => args[1] === FILE_MAP_WRITE && args[4] === 4096n,
    );
    try {
      MmapRegion.unlink(name);
    } catch {
      // It may say so.
    }
    restore();
    region.close();
    assertEquals([exists(name), handleCount(), viewCount()], [false, ...before]);
  }));

/** The calls of files that ask what is open, which fails the first time after `isMeant`. */
function failToAsk(isMeant: () => boolean = () => true): () => void {
  return failOnce("GetFileInformationByHandle", 0, ERROR_ACCESS_DENIED, isMeant);
}

onWindows(
  "no handle is left of a file or folder that cannot be looked at",
  () =>
    withTempDir((dir) => {
      const path = makeFile(dir, PAGE);
      const { objects } = system();
      const object = objects.create(join(dir, "new"), {
        writable: true,
        mode: 0o600,
        allow: undefined,
      });
      const calls = [
        () => MmapRegion.open(dir),
        () => objects.open(path, { writable: false, linksRefused: true }),
        () => objects.remove(join(dir, "new"), object),
      ];
      for (const call of calls) {
        const restore = failToAsk();
        assertLeavesNothing(call);
        restore();
      }
      objects.close(object);
    }),
);

onWindows(
  "no handle is left of a region of another process that cannot be looked at",
  () =>
    withTempDir((dir) => {
      using region = MmapRegion.open(makeFile(dir, PAGE));
      const handle = { ...region.handle(), path: join(dir, "elsewhere") };
      MmapRegion.attach(handle).close();
      const { DuplicateHandle } = windows();
      let isTaken = false;
      const restore = patchWindows({
        DuplicateHandle: (...args) => (isTaken = true, DuplicateHandle(...args)),
      });
      const more = failToAsk(() => isTaken);
      assertLeavesNothing(() => MmapRegion.attach(handle));
      more();
      restore();
      using again = MmapRegion.attach(handle);
      assertEquals(again.bytes, pattern(PAGE));
    }),
);

const RESERVING: Record<string, string> = {
  "what others append meanwhile stays in the file": "keepWhatIsAppended",
  "a file without space for it gets its old size back": "takeBack",
};

for (const [what, action] of Object.entries(RESERVING)) {
  onWindows(`where space is reserved for a file, ${what}`, () =>
    withTempDir(async (dir) => {
      const program = new URL("_windows_reserve.ts", import.meta.url);
      await assertLives(program, { args: [action, join(dir, "file")] });
    }));
}
