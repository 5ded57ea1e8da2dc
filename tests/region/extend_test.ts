/** Failing half-way: what a call made or changed before it failed is taken back. */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { MmapRegion, type OpenRegionOptions } from "@mmap/mmap";
import { resultOf } from "../_child.ts";
import { factOf } from "../../ffi/platform.ts";
import { holdings, linux } from "../_capabilities.ts";
import { assertThrowsSystem, EXTENDING, NO_ADDRESSES, TOO_LONG } from "../_errors.ts";
import { makeFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { descriptorsOf, mapsOf } from "../_process.ts";

const PROGRAM = new URL("_children.ts", import.meta.url);

const PATTERN_SIZE = 5000;

/** Checks the size first: a file that was left long could be too long to read. */
function assertUnchanged(path: string, about?: string): void {
  assertEquals(Deno.statSync(path).size, PATTERN_SIZE, about);
  assertEquals(Deno.readFileSync(path), pattern(PATTERN_SIZE), about);
}

/** No file may get longer than 64 KiB. */
const SMALL_FILES = { fileSize: 65536 };
/** 1 GiB of address space is left. */
const LITTLE_SPACE = { spaceLeft: 2 ** 30 };

/** What opening a file in a child gives and leaves, under a limit of its own. */
function failToOpen(path: string, limit: object, options: OpenRegionOptions): Promise<unknown> {
  const args = ["open", path, limit, { access: "read-write", ...options }];
  return resultOf(PROGRAM, { args });
}

const LARGE = 2 ** 32;

for (const allocate of [true, false]) {
  const tooBig = { result: TOO_LONG, left: [] };
  // Only address space runs out, never the disk: holes where much would have to be reserved.
  const name = `with allocate ${allocate}`;

  onBothFileSystems(
    `MmapRegion.open() ${name} removes a new file that cannot be extended`,
    async (dir) => {
      for (const option of ["create", "createNew"]) {
        const path = join(dir, option);
        const options = { [option]: true, byteLength: 65537, allocate };
        assertEquals(await failToOpen(path, SMALL_FILES, options), tooBig);
      }
      assertEquals([...Deno.readDirSync(dir)], []);
    },
  );

  onBothFileSystems(
    `MmapRegion.open() ${name} keeps a file that cannot be extended`,
    async (dir) => {
      const path = makeFile(dir, PATTERN_SIZE);
      for (const option of ["create", "truncate"]) {
        const options = { [option]: true, byteLength: 65537, allocate };
        assertEquals(await failToOpen(path, SMALL_FILES, options), tooBig);
        assertUnchanged(path, option);
      }
    },
  );
}

Deno.test("MmapRegion.open() extends a file up to its limit", () =>
  withTempDir(async (dir) => {
    const path = join(dir, "new.bin");
    const options = { createNew: true, byteLength: 65536 };
    assertEquals(await failToOpen(path, SMALL_FILES, options), { result: "opened", left: [] });
    assertEquals(Deno.statSync(path).size, 65536);
  }));

const NO_SPACE = { result: NO_ADDRESSES, left: [] };

onBothFileSystems("MmapRegion.open() removes a new file that cannot be mapped", async (dir) => {
  for (const option of ["create", "createNew"]) {
    const options = { [option]: true, byteLength: LARGE, allocate: false };
    assertEquals(await failToOpen(join(dir, option), LITTLE_SPACE, options), NO_SPACE);
  }
  assertEquals([...Deno.readDirSync(dir)], []);
}, holdings);

onBothFileSystems(
  "MmapRegion.open() keeps a file that was extended and cannot be mapped",
  async (dir) => {
    const path = makeFile(dir, PATTERN_SIZE);
    for (const option of ["create", "truncate"]) {
      const options = { [option]: true, byteLength: LARGE, allocate: false };
      assertEquals(await failToOpen(path, LITTLE_SPACE, options), NO_SPACE);
      assertUnchanged(path, option);
    }
  },
  holdings,
);

onBothFileSystems(
  "MmapRegion.open() with truncate keeps a longer file that cannot be mapped",
  async (dir) => {
    const path = makeFile(dir, PATTERN_SIZE);
    Deno.truncateSync(path, LARGE + PATTERN_SIZE); // a hole, so that the map is long and not extended
    const options = { truncate: true, byteLength: LARGE, allocate: false };
    assertEquals(await failToOpen(path, LITTLE_SPACE, options), NO_SPACE);
    assertEquals(Deno.statSync(path).size, LARGE + PATTERN_SIZE);
    using file = Deno.openSync(path);
    const read = new Uint8Array(PATTERN_SIZE);
    assertEquals(file.readSync(read), PATTERN_SIZE);
    assertEquals(read, pattern(PATTERN_SIZE));
  },
  holdings,
);

Deno.test("MmapRegion.open() with truncate keeps the file if its pages cannot be locked", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, PATTERN_SIZE);
    if (Deno.build.os !== "windows") {
      Deno.chmodSync(dir, 0o777);
      Deno.chmodSync(path, 0o666);
    }
    const limit = { lockedByNobody: 4096 };
    const options = { truncate: true, byteLength: 2 ** 20, lock: true };
    const { result, left } = await failToOpen(path, limit, options) as Record<string, unknown>;
    const atLimit = Deno.build.os === "windows"
      ? ["WouldBlock", "EAGAIN", 1453, "VirtualLock"]
      : factOf({
        linux: ["Error", "ENOMEM", 12, "mlock"],
        darwin: ["WouldBlock", "EAGAIN", 35, "mlock"],
      });
    assertEquals([result, left], [atLimit, []]);
    assertUnchanged(path);
    const fresh = join(dir, "new.bin");
    await failToOpen(fresh, limit, { ...options, createNew: true });
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["data.bin"]);
  }));

/** ext4 refuses the size; tmpfs and Wine take it, and then it cannot be mapped. */
function failureOf(dir: string): [code: string, syscall: string] {
  if (Deno.build.os === "windows") return ["ENOMEM", "VirtualAlloc2"];
  return dir.startsWith("/dev/shm") ? ["ENOMEM", "mmap"] : ["EFBIG", EXTENDING];
}

/** More than any file may have on tmpfs and ext4, and than any process can map. */
const IMPOSSIBLE = 2 ** 50;

onBothFileSystems("MmapRegion.open() leaves nothing of an impossible size", (dir) => {
  const options = { access: "read-write", byteLength: IMPOSSIBLE, allocate: false } as const;
  const path = makeFile(dir, PATTERN_SIZE);
  const [code, syscall] = failureOf(dir);
  for (const option of ["create", "truncate"]) {
    assertThrowsSystem(
      () => MmapRegion.open(path, { ...options, [option]: true }),
      Error,
      code,
      syscall,
    );
    assertUnchanged(path, option);
  }
  const fresh = join(dir, "new.bin");
  for (const option of ["create", "createNew"]) {
    assertThrowsSystem(
      () => MmapRegion.open(fresh, { ...options, [option]: true }),
      Error,
      code,
      syscall,
    );
  }
  assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["data.bin"]);
  assertEquals([descriptorsOf(dir), mapsOf(dir)], [[], []]);
});

Deno.test({
  name: "MmapRegion.open() with allocate finds out that tmpfs is too small",
  ignore: linux.ignore,
  fn: () =>
    withTempDir((dir) => {
      const path = join(dir, "new.bin");
      const options = { access: "read-write", createNew: true, byteLength: IMPOSSIBLE } as const;
      assertThrowsSystem(() => MmapRegion.open(path, options), Error, "ENOSPC", "fallocate");
      assertEquals([...Deno.readDirSync(dir)], []);
      assertEquals(descriptorsOf(dir), []);
    }, "/dev/shm"),
});

onBothFileSystems(
  "MmapRegion.resize() keeps the region if the file cannot be extended",
  async (dir) => {
    const path = makeFile(dir, PATTERN_SIZE);
    const args = ["resize", path, { allocate: true }, SMALL_FILES, 65537];
    const content = pattern(PATTERN_SIZE);
    assertEquals(await resultOf(PROGRAM, { args }), {
      error: TOO_LONG,
      byteLength: PATTERN_SIZE,
      content: [200, 201, content[2], content[3], content.at(-1)],
      size: PATTERN_SIZE,
    });
    const expected = pattern(PATTERN_SIZE);
    expected.set([200, 201]);
    assertEquals(Deno.readFileSync(path), expected);
  },
);
