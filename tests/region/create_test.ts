/** `create`, `createNew`, `truncate`, `mode` and `allocate`: which file there is afterwards. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import { assertThrowsSystem } from "../_errors.ts";
import { system } from "../../src/os/mod.ts";
import { makeFile, makeLink, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
const access = "read-write";

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** How many bytes of disk or memory a file takes. */
function allocated(path: string): number {
  if (Deno.build.os !== "windows") return Deno.statSync(path).blocks! * 512;
  const { objects } = system();
  const object = objects.open(path, { writable: false });
  const { allocated } = objects.status(object);
  objects.close(object);
  return allocated;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

for (const option of ["create", "createNew"] as const) {
  onBothFileSystems(`MmapRegion.open() with ${option} makes a file of zeros`, (dir) => {
    const path = join(dir, "new.bin");
    using region = MmapRegion.open(path, { access, [option]: true, byteLength: PAGE + 5 });
    assert(isZero(region.bytes));
    region.bytes[PAGE + 4] = 3;
    const content = Deno.readFileSync(path);
    assertEquals([content.length, content[PAGE + 4]], [PAGE + 5, 3]);
  });

  onBothFileSystems(`MmapRegion.open() with ${option} counts byteOffset into the size`, (dir) => {
    const path = join(dir, "new.bin");
    using region = MmapRegion.open(path, {
      access,
      [option]: true,
      byteOffset: PAGE + 3,
      byteLength: 10,
    });
    assertEquals(Deno.statSync(path).size, PAGE + 13);
    region.bytes[9] = 1;
    assertEquals(Deno.readFileSync(path).at(-1), 1);
  });

  Deno.test(`MmapRegion.open() with ${option} and no byteLength leaves no new file`, () =>
    withTempDir((dir) => {
      const path = join(dir, "new.bin");
      assertThrows(
        () => MmapRegion.open(path, { access, [option]: true }),
        RangeError,
        "byteLength",
      );
      assertEquals(exists(path), false);
    }));

  Deno.test(`MmapRegion.open() with ${option} needs write access`, () =>
    withTempDir((dir) => {
      const path = join(dir, "new.bin");
      assertThrows(
        () => MmapRegion.open(path, { access: "read", [option]: true, byteLength: 10 }),
        TypeError,
        `access "read"`,
      );
      assertEquals(exists(path), false);
    }));
}

onBothFileSystems("MmapRegion.open() with create keeps what a shorter file holds", (dir) => {
  const path = makeFile(dir, 100);
  using region = MmapRegion.open(path, { access, create: true, byteLength: 2 * PAGE });
  assertEquals(region.bytes.subarray(0, 100), pattern(100));
  assert(isZero(region.bytes.subarray(100)));
  assertEquals(Deno.statSync(path).size, 2 * PAGE);
});

onBothFileSystems("MmapRegion.open() with create leaves a longer file as it is", (dir) => {
  const path = makeFile(dir, 2 * PAGE);
  using region = MmapRegion.open(path, { access, create: true, byteLength: 100 });
  assertEquals(region.bytes, pattern(100));
  assertEquals(Deno.readFileSync(path), pattern(2 * PAGE));
});

onBothFileSystems("MmapRegion.open() with create maps a whole file without byteLength", (dir) => {
  const path = makeFile(dir, PAGE + 1);
  using region = MmapRegion.open(path, { access, create: true });
  assertEquals(region.bytes, pattern(PAGE + 1));
});

onBothFileSystems("MmapRegion.open() with create extends an empty file", (dir) => {
  const path = makeFile(dir, 0);
  assertThrows(() => MmapRegion.open(path, { access, create: true }), RangeError, "is empty");
  assertEquals(Deno.statSync(path).size, 0);
  using region = MmapRegion.open(path, { access, create: true, byteLength: 7 });
  assertEquals([region.byteLength, Deno.statSync(path).size], [7, 7]);
});

Deno.test("MmapRegion.open() with create makes the target of a dangling link", () =>
  withTempDir(async (dir) => {
    const link = join(dir, "link");
    await makeLink(join(dir, "target"), link);
    using region = MmapRegion.open(link, { access, create: true, byteLength: 10 });
    region.bytes[0] = 1;
    assertEquals(Deno.readFileSync(join(dir, "target")).length, 10);
    assert(Deno.lstatSync(link).isSymlink);
  }));

Deno.test("MmapRegion.open() with create follows links that lead to links, and to nothing", () =>
  withTempDir((dir) => {
    Deno.mkdirSync(join(dir, "folder"));
    Deno.symlinkSync("folder", join(dir, "there"));
    Deno.symlinkSync("../folder/target", join(dir, "folder", "relative"));
    Deno.symlinkSync("there/relative", join(dir, "link"));
    const target = join(dir, "folder", "target");
    const options = { access, create: true, byteLength: 10 } as const;
    MmapRegion.open(join(dir, "link"), options).close();
    assertEquals(Deno.readFileSync(target), new Uint8Array(10));
    Deno.removeSync(target);
    // More than any system may have: what was made goes again, and the links stay.
    assertThrows(() => MmapRegion.open(join(dir, "link"), { ...options, byteLength: 2 ** 50 }));
    assertEquals(exists(target), false);
    assert(Deno.lstatSync(join(dir, "link")).isSymlink);
    Deno.symlinkSync("circle", join(dir, "circle"));
    assertThrowsSystem(
      () => MmapRegion.open(join(dir, "circle"), options),
      Deno.errors.FilesystemLoop,
      "ELOOP",
      "open",
    );
  }));

Deno.test("MmapRegion.open() with createNew follows no dangling link", () =>
  withTempDir(async (dir) => {
    const link = join(dir, "link");
    await makeLink(join(dir, "target"), link);
    assertThrowsSystem(
      () => MmapRegion.open(link, { access, createNew: true, byteLength: 10 }),
      Deno.errors.AlreadyExists,
      "EEXIST",
      "open",
    );
    assertEquals(exists(join(dir, "target")), false);
  }));

onBothFileSystems("MmapRegion.open() with createNew throws if the file exists", (dir) => {
  const path = makeFile(dir, 100);
  for (const create of [false, true]) {
    assertThrowsSystem(
      () => MmapRegion.open(path, { access, create, createNew: true, byteLength: PAGE }),
      Deno.errors.AlreadyExists,
      "EEXIST",
      "open",
    );
  }
  assertEquals(Deno.readFileSync(path), pattern(100));
});

onBothFileSystems("MmapRegion.open() with create and copy-on-write makes a file", (dir) => {
  const path = join(dir, "new.bin");
  using region = MmapRegion.open(path, { access: "copy-on-write", create: true, byteLength: 50 });
  region.bytes.fill(1);
  assertEquals(Deno.readFileSync(path), new Uint8Array(50));
});

for (const [size, byteLength] of [[3 * PAGE, 100], [100, 3 * PAGE], [100, 100], [0, 100]]) {
  onBothFileSystems(`MmapRegion.open() with truncate empties ${size} to ${byteLength}`, (dir) => {
    const path = makeFile(dir, size!);
    using region = MmapRegion.open(path, { access, truncate: true, byteLength: byteLength! });
    assert(isZero(region.bytes));
    assertEquals(Deno.readFileSync(path), new Uint8Array(byteLength!));
    region.bytes[byteLength! - 1] = 4;
    assertEquals(Deno.readFileSync(path).at(-1), 4);
  });
}

onBothFileSystems("MmapRegion.open() with truncate empties what lies before byteOffset", (dir) => {
  const path = makeFile(dir, 3 * PAGE);
  using region = MmapRegion.open(path, {
    access,
    truncate: true,
    byteOffset: PAGE + 1,
    byteLength: 9,
  });
  assertEquals(region.bytes, new Uint8Array(9));
  assertEquals(Deno.readFileSync(path), new Uint8Array(PAGE + 10));
});

Deno.test("MmapRegion.open() with truncate makes no file", () =>
  withTempDir((dir) => {
    const path = join(dir, "none.bin");
    assertThrowsSystem(
      () => MmapRegion.open(path, { access, truncate: true, byteLength: 10 }),
      Deno.errors.NotFound,
      "ENOENT",
      "open",
    );
    using region = MmapRegion.open(path, { access, truncate: true, create: true, byteLength: 10 });
    assertEquals(region.byteLength, 10);
  }));

Deno.test("MmapRegion.open() with truncate needs a byteLength and write access", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 100);
    assertThrows(() => MmapRegion.open(path, { access, truncate: true }), RangeError);
    assertThrows(() => MmapRegion.open(path, { truncate: true, byteLength: 10 }), TypeError);
    assertEquals(Deno.readFileSync(path), pattern(100));
  }));

onBothFileSystems("MmapRegion.open() extends no file that it may not", (dir) => {
  const path = makeFile(dir, 100);
  for (const access of ["read", "read-write", "copy-on-write"] as const) {
    assertThrows(() => MmapRegion.open(path, { access, byteLength: 101 }), RangeError, "100 bytes");
    assertThrows(
      () => MmapRegion.open(path, { access, byteOffset: 50, byteLength: 51 }),
      RangeError,
    );
  }
  assertEquals(Deno.readFileSync(path), pattern(100));
});

onBothFileSystems("MmapRegion.open() with mode gives the permissions of a new file", (dir) => {
  const umask = Deno.umask();
  for (const mode of [undefined, 0o600, 0o640, 0o444]) {
    const path = join(dir, `mode-${mode}`);
    const options = { access, createNew: true, byteLength: 1 } as const;
    using region = MmapRegion.open(path, mode === undefined ? options : { ...options, mode });
    region.bytes[0] = 1; // even where the mode forbids to open it again
    assertEquals(Deno.statSync(path).mode! & 0o7777, (mode ?? 0o666) & ~umask);
  }
});

Deno.test("MmapRegion.open() with mode leaves the permissions of an old file", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 10);
    Deno.chmodSync(path, 0o604);
    using _region = MmapRegion.open(path, { access, create: true, mode: 0o640 });
    assertEquals(Deno.statSync(path).mode! & 0o7777, 0o604);
  }));

onBothFileSystems("MmapRegion.open() reserves the blocks of what it adds", (dir) => {
  const byteLength = 64 * PAGE;
  const created = join(dir, "created");
  using _created = MmapRegion.open(created, { access, createNew: true, byteLength });
  assert(allocated(created) >= byteLength, `${allocated(created)} bytes`);
  const truncated = makeFile(dir, 10, "truncated");
  using _truncated = MmapRegion.open(truncated, { access, truncate: true, byteLength });
  assert(allocated(truncated) >= byteLength, `${allocated(truncated)} bytes`);
});

onBothFileSystems(
  "MmapRegion.open() with allocate false leaves a hole before its last block",
  (dir) => {
    const byteLength = 64 * PAGE;
    const created = join(dir, "created");
    const options = { access, byteLength, allocate: false } as const;
    using _created = MmapRegion.open(created, { ...options, createNew: true });
    assertEquals(Deno.statSync(created).size, byteLength);
    assert(allocated(created) <= PAGE, `${allocated(created)} bytes`);
    const extended = makeFile(dir, 0, "extended");
    using _extended = MmapRegion.open(extended, { ...options, create: true });
    assertEquals(Deno.statSync(extended).size, byteLength);
    assert(allocated(extended) <= PAGE, `${allocated(extended)} bytes`);
  },
);
