/** What `MmapRegion.open` gives: the whole file or a part, by each access, of each file that has bytes. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { join } from "@std/path";
import { MmapRegion } from "@mmap/mmap";
import {
  makeFile,
  makeLink,
  makeSparseFile,
  onBothFileSystems,
  pattern,
  withTempDir,
  ZERO_DEVICE,
} from "../_files.ts";
import { PAGE } from "../_pages.ts";

onBothFileSystems("MmapRegion.open() maps the whole file read-only by default", (dir) => {
  const path = makeFile(dir, PAGE + 100);
  using region = MmapRegion.open(path);
  assertEquals(region.bytes, pattern(PAGE + 100));
  const { kind, access, sharing, byteLength, byteOffset, closed } = region;
  assertEquals(
    { kind, access, sharing, byteLength, byteOffset, closed },
    {
      kind: "file",
      access: "read",
      sharing: "shared",
      byteLength: PAGE + 100,
      byteOffset: 0,
      closed: false,
    },
  );
});

onBothFileSystems("MmapRegion.open() with read-write writes into the file", (dir) => {
  const path = makeFile(dir, 3 * PAGE);
  using region = MmapRegion.open(path, { access: "read-write" });
  region.bytes[2 * PAGE + 1] = 255;
  const expected = pattern(3 * PAGE);
  expected[2 * PAGE + 1] = 255;
  assertEquals(Deno.readFileSync(path), expected);
  assertEquals([region.access, region.sharing], ["read-write", "shared"]);
});

onBothFileSystems("MmapRegion.open() with copy-on-write leaves the file alone", (dir) => {
  const path = makeFile(dir, PAGE);
  Deno.chmodSync(path, 0o400);
  using region = MmapRegion.open(path, { access: "copy-on-write" });
  using other = MmapRegion.open(path);
  region.bytes.fill(9);
  assertEquals(region.bytes[PAGE - 1], 9);
  assertEquals(other.bytes, pattern(PAGE));
  region.flushSync();
  assertEquals(Deno.readFileSync(path), pattern(PAGE));
  assertEquals(region.sharing, "private");
});

onBothFileSystems("MmapRegion.open() shows what write() puts into the file", (dir) => {
  const path = makeFile(dir, PAGE);
  using region = MmapRegion.open(path);
  using file = Deno.openSync(path, { write: true });
  file.seekSync(10, Deno.SeekMode.Start);
  file.writeSync(Uint8Array.of(1, 2, 3));
  assertEquals([...region.bytes.subarray(10, 13)], [1, 2, 3]);
});

onBothFileSystems("MmapRegion.open() twice gives two regions on the same bytes", (dir) => {
  const path = makeFile(dir, 2 * PAGE);
  using one = MmapRegion.open(path, { access: "read-write" });
  using two = MmapRegion.open(path, { access: "read-write", byteOffset: PAGE });
  one.bytes[PAGE] = 77;
  assertEquals(two.bytes[0], 77);
  two.bytes[1] = 78;
  assertEquals(one.bytes[PAGE + 1], 78);
});

onBothFileSystems("MmapRegion.open() maps one byte", (dir) => {
  const path = makeFile(dir, Uint8Array.of(42));
  using region = MmapRegion.open(path, { access: "read-write" });
  assertEquals([...region.bytes], [42]);
  region.bytes[0] = 43;
  assertEquals(Deno.readFileSync(path), Uint8Array.of(43));
});

for (const byteOffset of [1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE + 8, 3 * PAGE - 1]) {
  onBothFileSystems(`MmapRegion.open() begins at byteOffset ${byteOffset}`, (dir) => {
    const path = makeFile(dir, 3 * PAGE);
    using region = MmapRegion.open(path, { byteOffset });
    assertEquals(region.bytes, pattern(3 * PAGE).subarray(byteOffset));
    assertEquals(region.byteOffset, byteOffset);
    assertEquals(region.byteLength, 3 * PAGE - byteOffset);
    assertEquals(region.bytes.byteOffset, byteOffset % PAGE);
    assertStrictEquals(region.bytes.buffer, region.buffer);
    assertEquals(region.dataView().getUint8(0), pattern(3 * PAGE)[byteOffset]);
  });
}

onBothFileSystems("MmapRegion.open() maps exactly byteLength bytes", (dir) => {
  const path = makeFile(dir, 3 * PAGE);
  using region = MmapRegion.open(path, { byteOffset: 100, byteLength: PAGE });
  assertEquals(region.bytes, pattern(3 * PAGE).subarray(100, 100 + PAGE));
  using last = MmapRegion.open(path, { byteOffset: 3 * PAGE - 1, byteLength: 1 });
  assertEquals(last.bytes, pattern(3 * PAGE).subarray(-1));
});

for (const byteOffset of [2 ** 31, 2 ** 32 - 1, 2 ** 32, 5 * 2 ** 32 + 12345]) {
  onBothFileSystems(`MmapRegion.open() reaches byteOffset ${byteOffset}`, (dir) => {
    const path = makeSparseFile(dir, byteOffset + 10);
    using file = Deno.openSync(path, { write: true });
    file.seekSync(byteOffset, Deno.SeekMode.Start);
    file.writeSync(Uint8Array.of(5, 6, 7));
    using region = MmapRegion.open(path, { access: "read-write", byteOffset });
    assertEquals([...region.bytes], [5, 6, 7, 0, 0, 0, 0, 0, 0, 0]);
    region.bytes[9] = 8;
    using again = MmapRegion.open(path, { byteOffset: byteOffset + 9, byteLength: 1 });
    assertEquals(again.bytes[0], 8);
  });
}

onBothFileSystems("MmapRegion.open() maps a sparse file of 1 TiB", (dir) => {
  const path = makeSparseFile(dir, 2 ** 40);
  using region = MmapRegion.open(path, { access: "read-write" });
  assertEquals(region.byteLength, 2 ** 40);
  region.bytes[2 ** 40 - 1] = 99;
  region.view(Uint32Array, 2 ** 39)[0] = 0x01020304;
  using file = Deno.openSync(path);
  const read = new Uint8Array(1);
  file.seekSync(2 ** 40 - 1, Deno.SeekMode.Start);
  file.readSync(read);
  assertEquals(read[0], 99);
});

Deno.test("MmapRegion.open() follows symbolic links", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 100);
    const link = join(dir, "link");
    await makeLink(path, link);
    using region = MmapRegion.open(link);
    assertEquals(region.bytes, pattern(100));
    assertEquals(region.handle().path, path);
  }));

Deno.test("MmapRegion.open() goes on after the file is renamed and removed", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 100);
    using region = MmapRegion.open(path, { access: "read-write" });
    Deno.renameSync(path, `${path}.new`);
    region.bytes[0] = 200;
    assertEquals(Deno.readFileSync(`${path}.new`)[0], 200);
    Deno.removeSync(`${path}.new`);
    region.bytes[1] = 201;
    assertEquals([...region.bytes.subarray(0, 2)], [200, 201]);
  }));

Deno.test("MmapRegion.open() of /dev/zero gives anonymous memory", () => {
  using region = MmapRegion.open(ZERO_DEVICE, { access: "read-write", byteLength: PAGE + 1 });
  assertEquals(region.byteLength, PAGE + 1);
  assert(region.bytes.every((byte) => byte === 0));
  region.bytes.fill(1);
  using another = MmapRegion.open(ZERO_DEVICE, { access: "copy-on-write", byteLength: PAGE });
  another.bytes[0] = 2;
  assertEquals([region.bytes[PAGE], another.bytes[0], another.bytes[1]], [1, 2, 0]);
});
