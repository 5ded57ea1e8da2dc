/** Other processes append to a file while it is extended: nothing of theirs is lost. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import * as C from "@mmap/mmap/libc";
import { libc } from "../../ffi/libc.ts";
import type { Libc } from "../../ffi/symbols.ts";
import { ERROR_INVALID_PARAMETER } from "../../ffi/windows/errors.ts";
import { lastError, type Windows, windows } from "../../ffi/windows/library.ts";
import { Child } from "../_child.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { ignore } from "../_faults.ts";
import { makeFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { fillDisk } from "../_fill_disk.ts";
import { HAS_HOST, runLinux } from "../_host.ts";
import { SMALL_DISKS } from "../_mount.ts";
import { withLibc } from "../_libc.ts";
import { patchWindows } from "../_windows_library.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** Other functions in the place of the system's. */
type Calls = Partial<Libc> | Partial<Windows>;

/** As `withLibc`, for either library. */
async function withCalls(calls: Calls, body: () => void | Promise<void>): Promise<void> {
  if (!IS_WINDOWS) return await withLibc(calls as Partial<Libc>, body);
  const restore = patchWindows(calls as Partial<Windows>);
  try {
    await body();
  } finally {
    restore();
  }
}

type Body = (dir: string) => void | Promise<void>;

/** ext2 has no way to reserve blocks, or to make a file longer and never shorter. */
const EXT2 = SMALL_DISKS.find(({ name }) => name === "ext2") ?? SMALL_DISKS[0]!;
const EXT4 = SMALL_DISKS.find(({ name }) => name === "ext4") ?? SMALL_DISKS[0]!;

/** Registers one test for each file system. */
function onAllFileSystems(name: string, body: Body): void {
  onBothFileSystems(name, body, { ignore });
  if (!IS_WINDOWS || HAS_HOST) onDisk(EXT2, name, body); // a real Windows has no other disk
}

function onDisk(
  { missing, with: withDisk, name: disk }: typeof EXT2,
  name: string,
  body: Body,
): void {
  Deno.test({
    name: `${name} (${disk}${missing === undefined ? "" : `: ${missing}`})`,
    ignore: missing !== undefined,
    fn: () => withDisk(body),
  });
}

const SIZE = 5000;
const RECORD = new TextEncoder().encode("0123456789abcdef");

function append(path: string, bytes: Uint8Array = RECORD): void {
  Deno.writeFileSync(path, bytes, { append: true });
}

/** How many blocks a file takes; only Linux says. */
async function blocksOf(path: string): Promise<string> {
  return (await runLinux("stat", ["--format=%b", path])).stdout;
}

/** The records at any place of a file, in which others are. */
function countRecords(path: string): number {
  return new TextDecoder().decode(Deno.readFileSync(path)).split("0123456789abcdef").length - 1;
}

/** The system's functions, with something of somebody else's happening right before a file's size changes. */
function beforeResizing(happen: () => void): Calls {
  if (IS_WINDOWS) {
    const { CreateFileMappingW, SetFileInformationByHandle } = windows();
    return {
      CreateFileMappingW: (file, ...rest) => {
        if (file !== -1n && rest[3] !== 0) happen();
        return CreateFileMappingW(file, ...rest);
      },
      SetFileInformationByHandle: (...args) => (happen(), SetFileInformationByHandle(...args)),
    };
  }
  const { fallocate, pwritev2, ftruncate } = libc();
  return {
    fallocate: (...args) => (happen(), fallocate!(...args)),
    pwritev2: (...args) => (happen(), pwritev2!(...args)),
    ftruncate: (...args) => (happen(), ftruncate(...args)),
  };
}

/** Those, with something happening right before each mapping that is meant, which then fails: EINVAL. */
function failingToMap(happen: () => void, isMeant = (fd: number) => fd !== -1): Calls {
  if (IS_WINDOWS) {
    const { MapViewOfFile3 } = windows();
    return {
      MapViewOfFile3: (...args) => {
        if (!isMeant(0)) return MapViewOfFile3(...args);
        happen();
        lastError[0] = ERROR_INVALID_PARAMETER;
        return null;
      },
    };
  }
  const { mmap } = libc();
  return {
    mmap: (addr, length, ...rest) => {
      if (!isMeant(rest[2])) return mmap(addr, length, ...rest);
      happen();
      return mmap(addr, 0n, ...rest);
    },
  };
}

function beforeProtecting(happen: () => void): Calls {
  if (IS_WINDOWS) {
    const { VirtualProtect } = windows();
    return { VirtualProtect: (...args) => (happen(), VirtualProtect(...args)) };
  }
  const { mprotect } = libc();
  return { mprotect: (...args) => (happen(), mprotect(...args)) };
}

const access = "read-write";

/** The ways to make a file of SIZE bytes longer. */
const WAYS: Record<string, (path: string, to: number, allocate: boolean) => void> = {
  "MmapRegion.open()": (path, byteLength, allocate) =>
    MmapRegion.open(path, { access, create: true, byteLength, allocate }).close(),
  "MmapRegion.resize()": (path, byteLength, allocate) => {
    using region = MmapRegion.open(path, { access, byteLength: SIZE, allocate });
    region.resize(byteLength);
  },
  "MmapRegion.resize() of an O_APPEND descriptor": (path, byteLength) => {
    const fd = C.open(path, C.O_RDWR | C.O_APPEND);
    try {
      using region = MmapRegion.fromFd(fd, { access, byteLength: SIZE });
      region.resize(byteLength);
    } finally {
      C.close(fd);
    }
  },
};

/** By less than a record, by pages, and by more than is written where a hole cannot be made. */
const GROWTHS = [1, 20_000, 3 * 2 ** 20];

for (const [way, extend] of Object.entries(WAYS)) {
  // A region of a descriptor always reserves what it adds.
  for (const allocate of way.includes("descriptor") ? [true] : [true, false]) {
    const name = `${way} with allocate ${allocate}`;

    onAllFileSystems(`${name} keeps what is appended meanwhile`, async (dir) => {
      for (const growth of GROWTHS.filter((growth) => !allocate || growth < 2 ** 20)) {
        const path = makeFile(dir, SIZE);
        let appended = 0;
        const happen = (): void => {
          if (appended++ < 10) append(path); // or it would never end
        };
        await withCalls(beforeResizing(happen), () => extend(path, SIZE + growth, allocate));
        assert(appended > 0);
        assertEquals(countRecords(path), Math.min(appended, 10));
        assert(Deno.statSync(path).size >= SIZE + growth);
        assertEquals(Deno.readFileSync(path).subarray(0, SIZE), pattern(SIZE));
        Deno.removeSync(path);
      }
    });

    onAllFileSystems(`${name} leaves a file that got longer meanwhile`, async (dir) => {
      const path = makeFile(dir, SIZE);
      const grow = (): void => Deno.truncateSync(path, 2 * SIZE);
      await withCalls(beforeResizing(grow), () => extend(path, SIZE + 100, allocate));
      assertEquals(Deno.statSync(path).size, 2 * SIZE);
    });
  }

  onAllFileSystems(`${way} that fails takes its extension back`, async (dir) => {
    const path = makeFile(dir, SIZE);
    const code = await failed(path, extend, () => {});
    assertEquals(code, "EINVAL");
    assertEquals(Deno.readFileSync(path), pattern(SIZE));
  });

  onAllFileSystems(`${way} that fails keeps what was written behind the old end`, async (dir) => {
    for (const at of [SIZE, SIZE + 10_000, 2 * SIZE + 10_000]) {
      const path = makeFile(dir, SIZE);
      await failed(path, extend, () => {
        using file = Deno.openSync(path, { write: true });
        file.seekSync(at, Deno.SeekMode.Start);
        file.writeSync(RECORD);
      });
      assertEquals(countRecords(path), 1);
    }
  });
}

/** Fails to map a file that was extended by two pages and more. */
async function failed(
  path: string,
  extend: (path: string, to: number, allocate: boolean) => void,
  happen: () => void,
): Promise<string> {
  let code = "";
  // The first mapping of `resize` is the region's own.
  using _held = IS_WINDOWS ? undefined : MmapRegion.open(path);
  let extended = false;
  await withCalls({
    ...beforeResizing(() => extended = true),
    ...failingToMap(happen, () => extended),
  }, () => {
    const error = assertThrows(() => extend(path, SIZE + 10_000, true), TypeError);
    code = (error as unknown as { code: string }).code;
  });
  return code;
}

onAllFileSystems("MmapRegion.open() that fails removes the file that it made", async (dir) => {
  const path = join(dir, "new");
  await withCalls(failingToMap(() => {}), () => {
    assertThrows(() => MmapRegion.open(path, { access, createNew: true, byteLength: 9000 }));
  });
  assertEquals([...Deno.readDirSync(dir)].filter(({ name }) => name === "new"), []);
});

onAllFileSystems(
  "MmapRegion.open() that fails keeps a new file that others wrote to",
  async (dir) => {
    const path = join(dir, "new");
    await withCalls(failingToMap(() => append(path)), () => {
      assertThrows(() => MmapRegion.open(path, { access, createNew: true, byteLength: 9000 }));
    });
    assertEquals(countRecords(path), 1);
  },
);

onAllFileSystems("MmapRegion.resize() does not cut off what is appended meanwhile", async (dir) => {
  const path = makeFile(dir, SIZE);
  using region = MmapRegion.open(path, { access });
  region.protect("read");
  await withCalls(beforeProtecting(() => append(path)), () => region.resize(100));
  assertEquals([region.byteLength, Deno.statSync(path).size > SIZE], [100, true]);
  assert(countRecords(path) > 0);
});

/** The call that makes a file of ext2 longer with something of somebody else's right before it. */
function beforeExtending(happen: () => void): Calls {
  if (IS_WINDOWS) return beforeResizing(happen);
  const { pwritev2 } = libc();
  return { pwritev2: (...args) => (happen(), pwritev2!(...args)) };
}

onDisk(EXT2, "MmapRegion.open() writes over nothing that is appended meanwhile", async (dir) => {
  for (const allocate of [true, false]) {
    for (const growth of [1, 20_000]) {
      const path = makeFile(dir, SIZE);
      const record = new Uint8Array(growth).fill(66);
      let appended = 0;
      const happen = (): void => {
        if (appended++ === 0) append(path, record);
      };
      await withCalls(beforeExtending(happen), () => {
        const byteLength = SIZE + growth;
        MmapRegion.open(path, { access, create: true, byteLength, allocate }).close();
      });
      assert(appended > 0);
      assertEquals(Deno.readFileSync(path).subarray(SIZE, SIZE + growth), record);
    }
  }
});

onDisk(
  EXT4,
  "MmapRegion.open() gives back what it reserved on a disk that turns out full",
  async (dir) => {
    const path = makeFile(dir, SIZE);
    const blocks = await blocksOf(path);
    const call = IS_WINDOWS ? "MapViewOfFile3" : "fallocate";
    // As if the disk did not tell beforehand.
    await withCalls({ fstatfs: () => -1, NtQueryVolumeInformationFile: () => -1 }, () => {
      const options = { access, create: true, byteLength: 2 ** 24 } as const;
      assertThrowsSystem(() => MmapRegion.open(path, options), Error, "ENOSPC", call);
    });
    assertEquals(Deno.readFileSync(path), pattern(SIZE));
    assertEquals(await blocksOf(path), blocks);
  },
);

/** Windows maps a file in two steps. */
Deno.test({
  name: "MmapRegion.open() maps a file that gets longer between its section and its view",
  ignore: !IS_WINDOWS,
  fn: () =>
    withTempDir(async (dir) => {
      for (const growth of [1, 4096, 20_000]) {
        const path = makeFile(dir, SIZE);
        const { CreateFileMappingW } = windows();
        const calls: Calls = {
          CreateFileMappingW: (...args) => {
            const section = CreateFileMappingW(...args);
            append(path, new Uint8Array(growth));
            return section;
          },
        };
        await withCalls(calls, () => {
          using region = MmapRegion.open(path, { access });
          assertEquals(region.bytes, pattern(SIZE));
        });
        assertEquals(Deno.statSync(path).size, SIZE + growth);
      }
    }),
});

const HOLE = IS_WINDOWS
  ? "MmapRegion.open() with allocate false throws ENOSPC on a full disk of Windows, too"
  : "MmapRegion.open() with allocate false makes a hole on a full disk";

onDisk(EXT4, HOLE, async (dir) => {
  const path = makeFile(dir, SIZE);
  await fillDisk(dir);
  const options = { access, create: true, byteLength: 2 ** 24, allocate: false } as const;
  if (IS_WINDOWS) {
    const open = (): MmapRegion => MmapRegion.open(path, options);
    assertThrowsSystem(open, Error, "ENOSPC", "CreateFileMappingW");
    assertEquals(Deno.readFileSync(path), pattern(SIZE));
  } else {
    using region = MmapRegion.open(path, options);
    assertEquals([region.byteLength, region.bytes[2 ** 24 - 1]], [2 ** 24, 0]);
  }
});

onAllFileSystems(
  "MmapRegion.open() and resize() beside a process that appends lose nothing",
  async (dir) => {
    const path = makeFile(dir, 1);
    const count = 5000;
    await using appender = new Child(new URL("_appender.ts", import.meta.url), {
      args: [path, count],
    });
    let done = false;
    const ended = appender.readLine().then((line) => {
      done = true;
      return line;
    });
    ended.catch(() => {}); // what fails below is to be told
    let opened = 0;
    while (!done) {
      const { size } = Deno.statSync(path);
      const options = { access, create: true, byteLength: size + 1 } as const;
      using region = MmapRegion.open(path, { ...options, allocate: opened % 2 === 0 });
      region.resize(size + 2);
      opened++;
      await new Promise((resolve) => setTimeout(resolve)); // lets the line come in
    }
    assertEquals([await ended, opened > 0], ["done", true]);
    const text = new TextDecoder().decode(Deno.readFileSync(path));
    const found = new Set([...text.matchAll(/<(\d+)>/g)].map(([, number]) => Number(number)));
    assertEquals(found.size, count);
  },
);
