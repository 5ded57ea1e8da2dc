/** Who sees what is written: everybody through a shared region, nobody through a private one. */

import { assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { backingOf } from "../../src/region/mmap_region.ts";
import {
  close,
  MAP_SHARED,
  mmap,
  munmap,
  O_RDWR,
  open,
  PROT_READ,
  PROT_WRITE,
} from "@mmap/mmap/libc";
import { resultOf } from "../_child.ts";
import { makeFile, onBothFileSystems, pattern } from "../_files.ts";
import { bytesAt, PAGE } from "../_pages.ts";

const PROGRAM = new URL("_children.ts", import.meta.url);

/** The first byte of a file as another process maps it. */
function firstByteInChild(path: string): Promise<number> {
  return resultOf(PROGRAM, { args: ["readFirst", path] });
}

onBothFileSystems(
  "MmapRegion writes of a shared region are seen by everybody at once",
  async (dir) => {
    const path = makeFile(dir, PAGE);
    using before = MmapRegion.open(path);
    {
      using region = MmapRegion.open(path, { access: "read-write" });
      using after = MmapRegion.open(path);
      region.bytes[0] = 0xaa;
      assertEquals([before.bytes[0], after.bytes[0]], [0xaa, 0xaa]);
      assertEquals(Deno.readFileSync(path)[0], 0xaa);
      assertEquals((await Deno.readFile(path))[0], 0xaa);
      assertEquals(await firstByteInChild(path), 0xaa);
    }
    assertEquals(before.bytes[0], 0xaa);
    assertEquals(Deno.readFileSync(path), pattern(PAGE).fill(0xaa, 0, 1));
    assertEquals(await firstByteInChild(path), 0xaa);
  },
);

onBothFileSystems("MmapRegion of a shared file sees what another process writes", async (dir) => {
  const path = makeFile(dir, PAGE);
  using region = MmapRegion.open(path);
  await resultOf(PROGRAM, { args: ["writeByte", path, PAGE - 1, 0xbb] });
  assertEquals(region.bytes[PAGE - 1], 0xbb);
});

onBothFileSystems("MmapRegion with copy-on-write keeps its changes to itself", async (dir) => {
  const path = makeFile(dir, PAGE);
  using other = MmapRegion.open(path);
  using another = MmapRegion.open(path, { access: "copy-on-write" });
  {
    using region = MmapRegion.open(path, { access: "copy-on-write" });
    region.bytes.fill(0xaa);
    region.flushSync({ durability: "disk" });
    await region.flush();
    assertEquals(region.bytes, new Uint8Array(PAGE).fill(0xaa));
    assertEquals([other.bytes, another.bytes], [pattern(PAGE), pattern(PAGE)]);
    assertEquals(Deno.readFileSync(path), pattern(PAGE));
    assertEquals(await firstByteInChild(path), pattern(1)[0]);
  }
  using again = MmapRegion.open(path, { access: "copy-on-write" });
  assertEquals(again.bytes, pattern(PAGE));
  assertEquals(Deno.readFileSync(path), pattern(PAGE));
});

Deno.test("MmapRegion.anonymous() with private memory shares nothing with another region", () => {
  using other = MmapRegion.anonymous(PAGE, { sharing: "private" });
  for (let i = 0; i < 3; i++) {
    // Each may get the addresses of the one before: its content must be gone.
    using region = MmapRegion.anonymous(PAGE, { sharing: "private" });
    assertEquals(region.bytes, new Uint8Array(PAGE));
    region.bytes.fill(0xaa);
    assertEquals(other.bytes, new Uint8Array(PAGE));
  }
});

Deno.test("MmapRegion.anonymous() with shared memory shares with whoever attaches, both ways", async () => {
  using region = MmapRegion.anonymous(PAGE);
  using attached = MmapRegion.attach(region.handle());
  region.bytes[0] = 1;
  attached.bytes[1] = 2;
  const seen = await resultOf(PROGRAM, { args: ["writeThird"], env: region.env() });
  assertEquals(seen, [1, 2, 3]);
  assertEquals([...region.bytes.subarray(0, 4)], [1, 2, 3, 0]);
  assertEquals(attached.bytes, region.bytes);
});

Deno.test("MmapRegion.anonymous() with shared memory keeps its content for its last user", () => {
  const region = MmapRegion.anonymous(PAGE);
  using attached = MmapRegion.attach(region.handle());
  region.bytes[0] = 7;
  region.close();
  assertEquals(attached.bytes[0], 7);
});

onBothFileSystems("MmapRegion ends with its file, inside the last page", (dir) => {
  const path = makeFile(dir, PAGE + 100);
  using region = MmapRegion.open(path, { access: "read-write" });
  assertEquals([region.bytes.length, region.buffer.byteLength], [PAGE + 100, PAGE + 100]);
  region.bytes.fill(0xaa);
  region.flushSync();
  assertEquals(Deno.readFileSync(path), new Uint8Array(PAGE + 100).fill(0xaa));
});

/** Writes behind the end of a file of PAGE + 100 bytes. */
function fillRest(pages: Uint8Array, region: MmapRegion): void {
  const rest = pages.subarray(PAGE + 100);
  assertEquals(rest, new Uint8Array(PAGE - 100));
  rest.fill(0xaa);
  region.flushSync({ durability: "disk" });
}

onBothFileSystems(
  "the rest of a file's last page reads as zeros and never reaches the file",
  (dir) => {
    const path = makeFile(dir, PAGE + 100);
    using region = MmapRegion.open(path, { access: "read-write" });
    if (Deno.build.os === "windows") {
      // The file of a view of a program's own could not be removed; this process has one already.
      const { start } = backingOf(region).live("test").placed;
      fillRest(bytesAt(Deno.UnsafePointer.create(BigInt(start))!, 2 * PAGE), region);
      assertEquals(Deno.readFileSync(path), pattern(PAGE + 100));
      return;
    }
    const fd = open(path, O_RDWR);
    const address = mmap(null, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    try {
      fillRest(bytesAt(address, 2 * PAGE), region);
    } finally {
      munmap(address, 2 * PAGE);
      close(fd);
    }
    assertEquals(Deno.readFileSync(path), pattern(PAGE + 100));
  },
);
