/** A disk without room, which is the first argument of each action. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion, type SystemError } from "@mmap/mmap";
import { factOf } from "../../ffi/platform.ts";
import { act } from "../_act.ts";
import { truncate } from "../_fault_child.ts";
import { makeFile, pattern } from "../_files.ts";
import { fillDisk } from "../_fill_disk.ts";
import { PAGE } from "../_pages.ts";

const IS_WINDOWS = Deno.build.os === "windows";

function assertFull(call: () => unknown): void {
  const { code, errno, syscall } = assertThrows(call, Error) as SystemError;
  assertEquals([code, errno], ["ENOSPC", IS_WINDOWS ? 112 : 28]);
  // The second of each is for ext2, which can reserve nothing.
  const calls = IS_WINDOWS
    ? ["CreateFileMappingW", "NtQueryVolumeInformationFile", "MapViewOfFile3"]
    : factOf({ linux: ["fallocate", "pwritev2"], darwin: ["fcntl", "pwrite"] });
  assert(calls.includes(syscall!), syscall);
}

/** What is on the disk. */
const names = (dir: string): string[] => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();

const LARGE = 64 * 2 ** 20;

await act({
  openNew(dir: string): void {
    const before = names(dir);
    for (
      const option of [{ createNew: true }, { create: true }, { create: true, truncate: true }]
    ) {
      const options = { access: "read-write", byteLength: LARGE, ...option } as const;
      assertFull(() => MmapRegion.open(dir + "/new", options));
      assertEquals(names(dir), before);
    }
    MmapRegion.open(dir + "/new", { access: "read-write", createNew: true, byteLength: PAGE })
      .close();
  },

  openOld(dir: string): void {
    const path = makeFile(dir, 3 * PAGE + 5);
    for (const option of [{ create: true }, { truncate: true }]) {
      assertFull(() =>
        MmapRegion.open(path, { access: "read-write", byteLength: LARGE, ...option })
      );
      assertEquals(Deno.readFileSync(path), pattern(3 * PAGE + 5));
    }
  },

  async resize(dir: string): Promise<void> {
    const path = makeFile(dir, 3 * PAGE + 5);
    using region = MmapRegion.open(path, { access: "read-write" });
    const { bytes } = region;
    await fillDisk(dir);
    assertFull(() => region.resize(LARGE));
    assertEquals([region.byteLength, Deno.statSync(path).size], [3 * PAGE + 5, 3 * PAGE + 5]);
    assertEquals(bytes, pattern(3 * PAGE + 5)); // the views are alive
    bytes[0] = 200;
    region.flushSync();
    Deno.removeSync(dir + "/filler");
    region.resize(5 * PAGE);
    region.bytes[5 * PAGE - 1] = 201;
    const file = Deno.readFileSync(path);
    assertEquals([file.length, file[0], file[5 * PAGE - 1], region.faults], [
      5 * PAGE,
      200,
      201,
      0,
    ]);
  },

  async writeWithoutBlocks(dir: string): Promise<void> {
    const path = makeFile(dir, new Uint8Array(0));
    const size = 512 * PAGE;
    using region = MmapRegion.open(path, {
      access: "read-write",
      create: true,
      byteLength: size,
      allocate: false,
    });
    await fillDisk(dir);
    const { bytes } = region;
    let told = false;
    for (let at = 0; at < size; at += PAGE) {
      bytes[at] = 77;
      assertEquals(bytes[at], 77); // for this process, every write is there
    }
    let lost = 0;
    try {
      region.flushSync();
    } catch (error) {
      told = error instanceof MappingFaultError || (error as SystemError).code === "ENOSPC";
    }
    assertEquals(told, true);
    assert(region.faults > 0);
    const first = assertThrows(() => region.check(), MappingFaultError);
    assertEquals([first.path, first.faults], [path, region.faults]);
    await assertRejects(() => region.flush(), Error);
    const file = Deno.readFileSync(path);
    assertEquals(file[first.byteOffset], 0);
    for (let at = 0; at < size; at += PAGE) if (file[at] !== 77) lost++;
    assert(lost > 0 && lost >= region.faults);
    // Once there is room, the true file is mapped again, and what it lacks can be written.
    Deno.removeSync(dir + "/filler");
    region.repair();
    region.check();
    assertEquals(bytes[first.byteOffset], 0);
    const fits = 60; // pages
    for (let page = 0; page < fits; page++) bytes[page * PAGE] = 78;
    region.check();
    region.flushSync();
    const healed = Deno.readFileSync(path);
    for (let page = 0; page < fits; page++) assertEquals(healed[page * PAGE], 78);
  },

  async keepTheRestOfPages(dir: string): Promise<void> {
    // The first 1000 bytes are in a block, all others are a hole, which is larger than the disk.
    const path = makeFile(dir, pattern(1000));
    const pages = 1024;
    truncate(path, pages * PAGE);
    await fillDisk(dir);
    using region = MmapRegion.open(path, { access: "read-write" });
    const { bytes } = region;
    const held = bytes.slice(0, PAGE);
    assertEquals(held.subarray(0, 1000), pattern(1000));
    bytes[2000] = 5;
    for (let page = 1; page < pages; page++) bytes[page * PAGE] = 6;
    assertEquals(bytes.subarray(0, 1000), pattern(1000));
    assertEquals(bytes[2000], 5);
    for (let page = 1; page < pages; page++) assertEquals(bytes[page * PAGE], 6);
    assert(region.faults > 0);
    assertThrows(() => region.check(), MappingFaultError);
  },
});
