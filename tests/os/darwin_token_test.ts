/** How isolates show on macOS that they live: what of memory and files has tokens, and what has none. */

import { MmapRegion } from "@mmap/mmap";
import { Mutex } from "@mmap/mmap/sync";
import { assertEquals, assertThrows } from "@std/assert";
import { system } from "../../src/os/mod.ts";
import { makeFile, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { withName } from "../sharing/_names.ts";

const { NotSupported } = Deno.errors;

/** Elsewhere there is no such test: `deno task test:darwin` runs these. */
function onMac(name: string, fn: () => void | Promise<void>): void {
  if (system().name === "darwin") Deno.test(`on macOS, ${name}`, fn);
}

/** Locks through a region that is closed then. @returns what another one sees of it */
function afterClosing(first: MmapRegion, other: MmapRegion): boolean | undefined {
  new Mutex(first).lockSync();
  first.close();
  return new Mutex(other).tryLock()?.ownerDied;
}

onMac("a region of shared memory that is closed gives up what was locked through it", () => {
  using region = MmapRegion.anonymous(PAGE);
  assertEquals(afterClosing(MmapRegion.attach(region.handle()), region), true);
});

onMac("shared memory that lost its name has its tokens", () =>
  withName((name) => {
    const first = MmapRegion.named(name, { createNew: true, byteLength: PAGE });
    using other = MmapRegion.named(name);
    MmapRegion.unlink(name);
    assertEquals(new Mutex(other).holder, null);
    assertEquals(afterClosing(first, other), true);
  }));

onMac(
  "shared memory for all users has no tokens: threads are known by their numbers",
  () =>
    withName((name) => {
      const first = MmapRegion.named(name, { createNew: true, byteLength: PAGE, mode: 0o666 });
      using other = MmapRegion.named(name);
      assertEquals(afterClosing(first, other), undefined); // this thread lives
    }),
);

onMac("a file that lost its path has no locks, and the error says so", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, PAGE);
    using region = MmapRegion.open(path, { access: "read-write" });
    region.bytes.fill(0);
    Deno.removeSync(path);
    assertThrows(() => new Mutex(region).lockSync(), NotSupported, "must have a path");
    assertEquals(region.bytes.some((byte) => byte !== 0), false);
  }));
