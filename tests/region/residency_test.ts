/** Which pages are in memory, and what brings them there and away. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Advice, MmapRegion } from "@mmap/mmap";
import { libc } from "../../ffi/libc.ts";
import { windows } from "../../ffi/windows/library.ts";
import { linux, notOnMac } from "../_capabilities.ts";
import { assertRejectsSystem, assertThrowsSystem } from "../_errors.ts";
import { truncate } from "../_fault_child.ts";
import { makeFile, makeSparseFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { lockedPages } from "../_locked_pages.ts";
import { PAGE } from "../_pages.ts";
import { addressOfRegion } from "../_regions.ts";
import { patchWindows } from "../_windows_library.ts";
import { withLibc } from "../_libc.ts";
import { makeGate, withSystem } from "../_fake_system.ts";

/** What "dont-need" leaves of private changes: macOS and Windows keep those of files. */
const IS_WINDOWS = Deno.build.os === "windows";
const LOSES = Deno.build.os === "linux";
const LOSES_ANONYMOUS = LOSES || IS_WINDOWS;

Deno.test("MmapRegion.residency() of fresh private memory is nothing, and then what was touched", () => {
  using region = MmapRegion.anonymous(5 * PAGE, { sharing: "private" });
  assertEquals(region.residency(), {
    pageSize: PAGE,
    pages: 5,
    residentPages: 0,
    map: new Uint8Array(5),
  });
  region.bytes[PAGE] = 1;
  region.bytes[4 * PAGE + 7] = 1;
  assertEquals(region.residency().map, Uint8Array.of(0, 1, 0, 0, 1));
});

Deno.test("MmapRegion.residency() widens its range to whole pages", () => {
  using region = MmapRegion.anonymous(5 * PAGE, { sharing: "private" });
  region.bytes[PAGE] = 1;
  const { pages, residentPages, map } = region.residency({
    byteOffset: 2 * PAGE - 1,
    byteLength: 2,
  });
  assertEquals([pages, residentPages, map], [2, 1, Uint8Array.of(1, 0)]);
});

Deno.test("MmapRegion.populateSync() brings the pages of its range into memory", () => {
  for (const sharing of ["private", "shared"] as const) {
    using region = MmapRegion.anonymous(6 * PAGE, { sharing });
    region.populateSync({ byteOffset: PAGE + 1, byteLength: PAGE });
    assertEquals(region.residency().map, Uint8Array.of(0, 1, 1, 0, 0, 0));
    region.populateSync();
    assertEquals(region.residency().residentPages, 6);
    assertEquals(region.bytes, new Uint8Array(6 * PAGE));
  }
});

Deno.test({
  name: "MmapRegion.populateSync() and populate() copy private pages around those that forbid it",
  ignore: linux.ignore, // macOS copies a page when it is written to
  fn: () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, 4 * PAGE);
      using populated = MmapRegion.open(path, { access: "copy-on-write" });
      using later = MmapRegion.open(path, { access: "copy-on-write" });
      for (const region of [populated, later]) {
        region.protect("none", { byteOffset: PAGE, byteLength: PAGE });
      }
      populated.populateSync();
      await later.populate();
      using file = Deno.openSync(path, { write: true });
      file.writeSync(pattern(4 * PAGE, 9));
      for (const region of [populated, later]) {
        region.protect("read-write");
        assertEquals(region.bytes.subarray(2 * PAGE), pattern(4 * PAGE).subarray(2 * PAGE));
      }
    }),
});

onBothFileSystems("MmapRegion.populateSync() reads a file in and changes nothing", (dir) => {
  const path = makeSparseFile(dir, 8 * PAGE);
  for (const access of ["read", "read-write", "copy-on-write"] as const) {
    using region = MmapRegion.open(path, { access });
    region.populateSync();
    assertEquals(region.residency().residentPages, 8);
    assertEquals(region.bytes, new Uint8Array(8 * PAGE));
  }
});

Deno.test("MmapRegion.populate() does what populateSync() does, on another thread", async () => {
  using region = MmapRegion.anonymous(6 * PAGE, { sharing: "private" });
  await region.populate({ byteOffset: 2 * PAGE, byteLength: 1 });
  assertEquals(region.residency().map, Uint8Array.of(0, 0, 1, 0, 0, 0));
  await region.populate();
  assertEquals(region.residency().residentPages, 6);
});

Deno.test({
  name: "MmapRegion.populate() leaves the event loop alone while it works",
  async fn(): Promise<void> {
    const gate = makeGate();
    await withSystem(gate.populating, async () => {
      using region = MmapRegion.anonymous(PAGE, { sharing: "private" });
      const populated = region.populate();
      // The call ends only because the event loop goes on meanwhile.
      setTimeout(() => gate.end());
      await populated;
    });
  },
});

Deno.test({
  name: "MmapRegion.populateSync() works on a kernel that has no MADV_POPULATE",
  ignore: linux.ignore, // macOS never has it
  fn: () =>
    withTempDir((dir) => {
      const path = makeSparseFile(dir, 4 * PAGE);
      using region = MmapRegion.open(path, { access: "read-write" });
      const { madvise } = libc();
      const asked: number[] = [];
      const ignorant: typeof madvise = (address, byteLength, advice) => {
        asked.push(advice);
        return madvise(address, byteLength, 4242); // EINVAL, as for all advice it does not know
      };
      return withLibc({ madvise: ignorant }, () => {
        region.populateSync();
        assertEquals(asked.length, 1);
        assertEquals(region.residency().residentPages, 4);
        Deno.truncateSync(path, PAGE);
        assertThrowsSystem(() => region.populateSync(), Error, "EFAULT", "madvise");
      });
    }),
});

Deno.test("MmapRegion.populateSync() and populate() throw EFAULT for a page beyond the end of the file", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 4 * PAGE);
    using region = MmapRegion.open(path);
    truncate(path, PAGE);
    assertThrowsSystem(() => region.populateSync(), Error, "EFAULT", "madvise");
    await assertRejectsSystem(() => region.populate(), Error, "EFAULT", "madvise");
    region.populateSync({ byteLength: PAGE });
  }));

Deno.test("MmapRegion.discard() takes private pages out of memory", () => {
  using region = MmapRegion.anonymous(4 * PAGE, { sharing: "private" });
  region.bytes.fill(7);
  assertEquals(region.residency().residentPages, 4);
  region.discard({ byteOffset: PAGE, byteLength: 2 * PAGE });
  assertEquals(region.residency().map, Uint8Array.of(1, 0, 0, 1));
});

Deno.test("MmapRegion.discard() takes shared pages out of memory", () => {
  using region = MmapRegion.anonymous(4 * PAGE);
  region.bytes.fill(7);
  region.discard({ byteOffset: PAGE, byteLength: 2 * PAGE });
  assertEquals(region.residency().map, Uint8Array.of(1, 0, 0, 1));
});

Deno.test({
  name: 'MmapRegion.advise() with "dont-need" drops private pages, whose content is lost',
  fn(): void {
    using region = MmapRegion.anonymous(3 * PAGE, { sharing: "private" });
    region.bytes.fill(7);
    region.advise("dont-need", { byteOffset: PAGE, byteLength: 1 });
    // Windows gives such a page anew, which its working set may have at once.
    if (!IS_WINDOWS) {
      assertEquals(region.residency().map, Uint8Array.of(1, LOSES_ANONYMOUS ? 0 : 1, 1));
    }
    assertEquals(
      region.bytes,
      new Uint8Array(3 * PAGE).fill(7).fill(LOSES_ANONYMOUS ? 0 : 7, PAGE, 2 * PAGE),
    );
  },
});

onBothFileSystems(
  'MmapRegion.advise() with "dont-need" gives a private change up for the file',
  (dir) => {
    const path = makeFile(dir, 2 * PAGE);
    using region = MmapRegion.open(path, { access: "copy-on-write" });
    region.bytes.fill(7);
    region.advise("dont-need", { byteOffset: PAGE });
    assertEquals(region.bytes, pattern(2 * PAGE).fill(7, 0, LOSES ? PAGE : 2 * PAGE));
  },
);

onBothFileSystems(
  "MmapRegion.advise() changes nothing in a shared region, whatever it says",
  (dir) => {
    using region = MmapRegion.open(makeFile(dir, 4 * PAGE), { access: "read-write" });
    const harmless: Advice[] = [
      "normal",
      "random",
      "sequential",
      "will-need",
      "dont-need",
      "cold",
      "page-out",
      "dont-fork",
      "do-fork",
      "dont-dump",
      "do-dump",
    ];
    for (const advice of !linux.ignore ? harmless : harmless.slice(0, 5)) {
      region.advise(advice);
      assertEquals(region.bytes, pattern(4 * PAGE), advice);
    }
  },
);

/** On Windows: unlocking pages that are not locked takes them out of the working set. Wine leaves them. */
function assertAsksToLeave(region: MmapRegion): void {
  const { VirtualUnlock } = windows();
  const asked: [bigint, bigint][] = [];
  const restore = patchWindows({
    VirtualUnlock(pointer, byteLength): number {
      asked.push([Deno.UnsafePointer.value(pointer), byteLength]);
      return VirtualUnlock(pointer, byteLength);
    },
  });
  region.advise("page-out", { byteOffset: PAGE, byteLength: 9 * PAGE });
  restore();
  assertEquals(asked, [[addressOfRegion(region) + BigInt(PAGE), BigInt(9 * PAGE)]]);
  assertEquals(region.bytes, pattern(64 * PAGE));
}

Deno.test({
  name: 'MmapRegion.advise() with "page-out" takes the pages of a file out of memory',
  ignore: notOnMac.ignore,
  fn: () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, 64 * PAGE);
      using region = MmapRegion.open(path, { access: "read-write" });
      if (IS_WINDOWS) return assertAsksToLeave(region);
      region.flushSync({ durability: "disk" }); // only clean pages can go
      // A page that the kernel is busy with stays; it tells nobody when it no longer is.
      for (const deadline = Date.now() + 20_000;;) {
        region.populateSync(); // only pages that are mapped go
        region.advise("page-out");
        if (region.residency().residentPages < 32) break;
        assert(Date.now() < deadline, "no page went");
        await Promise.resolve();
      }
      assertEquals(region.bytes, pattern(64 * PAGE));
      assertEquals(region.residency().residentPages, 64);
    }),
});

Deno.test({
  name: 'MmapRegion.advise() with "page-out" loses nothing of private memory',
  ignore: notOnMac.ignore,
  fn(): void {
    using region = MmapRegion.anonymous(4 * PAGE, { sharing: "private" });
    region.bytes.set(pattern(4 * PAGE));
    region.advise("page-out");
    assertEquals(region.bytes, pattern(4 * PAGE));
  },
});

Deno.test("MmapRegion.lock() makes its pages resident, unlock() lets go of them", () => {
  using region = MmapRegion.anonymous(4 * PAGE, { sharing: "private" });
  region.lock({ byteOffset: PAGE + 1, byteLength: 1 });
  assertEquals(region.residency().map, Uint8Array.of(0, 1, 0, 0));
  region.unlock();
  assertEquals(region.residency().map, Uint8Array.of(0, 1, 0, 0));
});

Deno.test({
  name: "MmapRegion.lock() keeps pages that advise() would drop, until unlock()",
  ignore: notOnMac.ignore,
  fn(): void {
    using locked = lockedPages();
    using region = MmapRegion.anonymous(4 * PAGE, { sharing: "private" });
    region.bytes.fill(7);
    region.lock({ byteLength: PAGE });
    for (const advice of ["dont-need", "cold", "page-out"] as const) {
      assertThrowsSystem(() => region.advise(advice), TypeError, "EINVAL", "madvise");
    }
    assertEquals([region.bytes[0], region.bytes[4 * PAGE - 1]], [7, 7]);
    region.discard();
    assertEquals(region.bytes, new Uint8Array(4 * PAGE));
    assertEquals(locked.of(region), [true, false, false, false]);
    region.unlock({ byteLength: PAGE });
    region.advise("dont-need");
  },
});

Deno.test("MmapRegion.advise() throws TypeError for what is no advice", () => {
  using region = MmapRegion.anonymous(PAGE);
  for (const advice of ["dontneed", "", "toString", 4, null] as unknown[]) {
    assertThrows(
      () => region.advise(advice as Advice),
      TypeError,
      "Cannot advise region as there is no such advice",
    );
  }
});
