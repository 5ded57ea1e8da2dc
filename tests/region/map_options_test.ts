/** The options that say how to map: each one's effect, as the kernel reports it. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { type MapOptions, MmapRegion, type OpenRegionOptions } from "@mmap/mmap";
import { HUGE_PAGE } from "../../src/os/arithmetic.ts";
import { areasOf } from "../../src/os/windows/allocations.ts";
import * as C from "@mmap/mmap/libc";
import { holdings, linux, proc, writableCode } from "../_capabilities.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { makeFile, makeSparseFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { lockedPages } from "../_locked_pages.ts";
import { PAGE, rightsAt } from "../_pages.ts";
import { mappingAt, type MappingReport } from "../_process.ts";
import { addressOfRegion } from "../_regions.ts";

const PAGES = 8;
const ACCESSES = ["read", "read-write", "copy-on-write"] as const;

function reportOf(region: MmapRegion): MappingReport {
  return mappingAt(addressOfRegion(region));
}

/** One test with a file of {@linkcode PAGES} pages for each access, on both file systems. */
function onEachAccess(
  name: string,
  body: (path: string, access: typeof ACCESSES[number]) => void,
): void {
  if (proc.ignore) return; // which has the reports
  for (const access of ACCESSES) {
    onBothFileSystems(`${name} (${access})`, (dir) => body(makeFile(dir, PAGES * PAGE), access));
  }
}

onEachAccess("MmapRegion.open() asks for the rights of its access", (path, access) => {
  using region = MmapRegion.open(path, { access });
  const rights = { "read": "r--s", "read-write": "rw-s", "copy-on-write": "rw-p" };
  assertEquals(reportOf(region).rights, rights[access]);
  assertEquals(reportOf(region).name, path);
  assertEquals(reportOf(region).sizes["Size"], PAGES * PAGE);
});

Deno.test(
  "MmapRegion.open() with executable asks for PROT_EXEC",
  holdings,
  () =>
    withTempDir((dir) => {
      const path = makeFile(dir, PAGE);
      for (const access of writableCode.ignore ? ["read" as const] : ACCESSES) {
        using region = MmapRegion.open(path, { access, executable: true });
        assertEquals(rightsAt(addressOfRegion(region))![2], "x");
        using plain = MmapRegion.open(path, { access, executable: false });
        assertEquals(rightsAt(addressOfRegion(plain))![2], "-");
      }
    }),
);

onEachAccess("MmapRegion.open() with populate faults every page in", (path, access) => {
  const place = { access, byteOffset: PAGE + 1, byteLength: 5 * PAGE };
  using region = MmapRegion.open(path, { ...place, populate: true });
  assertEquals(reportOf(region).sizes["Rss"], 6 * PAGE);
  assertEquals(region.bytes, pattern(PAGES * PAGE).subarray(PAGE + 1, 6 * PAGE + 1));
  using lazy = MmapRegion.open(path, { ...place, populate: false });
  assertEquals(reportOf(lazy).sizes["Rss"], 0);
});

Deno.test(
  "MmapRegion.open() with populate marks no page of a shared file as changed",
  proc,
  () =>
    withTempDir((dir) => {
      const path = makeFile(dir, PAGES * PAGE);
      using region = MmapRegion.open(path, { access: "read-write", populate: true });
      region.flushSync();
      using again = MmapRegion.open(path, { access: "read-write", populate: true });
      const { sizes } = reportOf(again);
      assertEquals([sizes["Private_Dirty"], sizes["Shared_Dirty"]], [0, 0]);
    }),
);

onEachAccess("MmapRegion.open() with lock keeps every page in memory", (path, access) => {
  using region = MmapRegion.open(path, {
    access,
    byteOffset: PAGE,
    byteLength: 2 * PAGE + 1,
    lock: true,
  });
  const { flags, sizes } = reportOf(region);
  assertEquals([flags.includes("lo"), sizes["Rss"]], [true, 3 * PAGE]);
  assertEquals(region.residency().residentPages, 3);
  using plain = MmapRegion.open(path, { access, lock: false });
  assertEquals(reportOf(plain).flags.includes("lo"), false);
});

onBothFileSystems(
  "MmapRegion.open() with lock and truncate keeps the new pages in memory",
  (dir) => {
    const path = makeFile(dir, PAGES * PAGE);
    using locked = lockedPages();
    using region = MmapRegion.open(path, {
      access: "read-write",
      truncate: true,
      byteLength: PAGES * PAGE,
      lock: true,
    });
    assertEquals(locked.of(region), Array(PAGES).fill(true));
    assertEquals(region.residency().residentPages, PAGES);
    if (!proc.ignore) assertEquals(reportOf(region).sizes["Rss"], PAGES * PAGE);
  },
);

Deno.test(
  "MmapRegion.lock() and unlock() lock the pages of their range",
  holdings,
  () => {
    using pages = lockedPages();
    using region = MmapRegion.anonymous(4 * PAGE);
    const locked = () => pages.of(region);
    region.lock({ byteOffset: PAGE - 1, byteLength: 2 });
    assertEquals(locked(), [true, true, false, false]);
    region.lock();
    region.lock(); // locks do not add up
    assertEquals(locked(), [true, true, true, true]);
    region.unlock({ byteOffset: 3 * PAGE });
    assertEquals(locked(), [true, true, true, false]);
    region.unlock();
    assertEquals(locked(), [false, false, false, false]);
  },
);

onEachAccess("MmapRegion.open() with reserve false reserves no swap space", (path, access) => {
  using region = MmapRegion.open(path, { access, reserve: false });
  using plain = MmapRegion.open(path, { access, reserve: true });
  // A kernel that never overcommits ignores the flag.
  const heeded = Deno.readTextFileSync("/proc/sys/vm/overcommit_memory").trim() !== "2";
  assertEquals(reportOf(region).flags.includes("nr"), heeded);
  assertEquals(reportOf(plain).flags.includes("nr"), false);
});

onEachAccess(
  "MmapRegion.open() with hugePages asks for huge pages or works without",
  (path, access) => {
    using region = MmapRegion.open(path, { access, hugePages: true });
    const known = !linux.ignore && hasHugePages();
    const { flags } = reportOf(region);
    assertEquals([flags.includes("hg"), flags.includes("rr")], [known, false]);
    assertEquals(region.bytes, pattern(PAGES * PAGE));
  },
);

Deno.test(
  "MmapRegion.open() asks for huge pages where a large file is new and has its blocks, unless told",
  linux,
  () =>
    withTempDir((dir) => {
      const path = `${dir}/large`;
      const asks = (options: OpenRegionOptions): boolean => {
        using region = MmapRegion.open(path, { access: "read-write", ...options });
        const { flags } = reportOf(region);
        assertEquals(flags.includes("rr"), false); // it reads ahead
        return flags.includes("hg");
      };
      const byteLength = HUGE_PAGE;
      const known = hasHugePages();
      assertEquals(asks({ createNew: true, byteLength }), known);
      assertEquals(asks({}), false); // it has its content
      assertEquals(asks({ create: true, byteLength: 2 * byteLength }), false);
      assertEquals(asks({ truncate: true, byteLength }), known);
      assertEquals(asks({ truncate: true, byteLength, hugePages: false }), false);
      assertEquals(asks({ truncate: true, byteLength, allocate: false }), false);
      assertEquals(asks({ truncate: true, byteLength: byteLength - 1 }), false);
      assertEquals(asks({ truncate: true, byteLength, access: "copy-on-write" }), false);
    }),
);

function hasHugePages(): boolean {
  try {
    return Deno.statSync("/sys/kernel/mm/transparent_hugepage").isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** What is mapped. */
function taken(): { start: bigint; end: bigint }[] {
  if (IS_WINDOWS) {
    const all = { pointer: Deno.UnsafePointer.create(2n ** 16n)!, byteLength: 2 ** 47 - 2 ** 17 };
    return Array.from(areasOf(all)).filter(({ isFree }) => !isFree)
      .map(({ start, end }) => ({ start: BigInt(start), end: BigInt(end) }));
  }
  return Deno.readTextFileSync("/proc/self/maps").trimEnd().split("\n").map((line) => {
    const [start, end] = line.split(" ")[0]!.split("-");
    return { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) };
  });
}

/** An address far from where systems map by themselves, with nothing near it. */
function freeAddress(): bigint {
  const all = taken();
  const margin = 2n ** 34n;
  for (let address = 2n ** 42n; address < 2n ** 46n; address += margin) {
    if (all.every(({ start, end }) => address + margin < start || address > end + margin)) {
      return address;
    }
  }
  throw new Error("No address is free");
}

Deno.test(
  "MmapRegion.open() with address maps there if nothing is there",
  holdings,
  () =>
    withTempDir((dir) => {
      const path = makeFile(dir, PAGES * PAGE);
      const address = freeAddress();
      using region = MmapRegion.open(path, { address });
      assertEquals(addressOfRegion(region), address);
      using second = MmapRegion.open(path, { address, access: "copy-on-write" });
      assertNotEquals(addressOfRegion(second), address);
      second.bytes.fill(0);
      assertEquals(region.bytes, pattern(PAGES * PAGE));
      using behind = MmapRegion.open(path, { address: address + 2n ** 33n, byteOffset: 10 });
      assertEquals(addressOfRegion(behind), address + 2n ** 33n + 10n);
    }),
);

Deno.test("MmapRegion.open() takes an address that is no page or not to be had as a hint", () =>
  withTempDir((dir) => {
    const path = makeFile(dir, PAGES * PAGE);
    for (const address of [0n, 1n, 4097n, 2n ** 47n - 4096n, 2n ** 62n, 2n ** 63n - 1n]) {
      using region = MmapRegion.open(path, { address });
      assertEquals(region.bytes, pattern(PAGES * PAGE), String(address));
    }
  }));

Deno.test(
  "MmapRegion.open() with MAP_FIXED_NOREPLACE throws if the address is taken",
  linux,
  () =>
    withTempDir((dir) => {
      const path = makeFile(dir, PAGES * PAGE);
      using region = MmapRegion.open(path);
      const options = { address: addressOfRegion(region), flags: C.MAP_FIXED_NOREPLACE };
      assertThrowsSystem(
        () => MmapRegion.open(path, options),
        Deno.errors.AlreadyExists,
        "EEXIST",
        "mmap",
      );
      assertEquals(region.bytes, pattern(PAGES * PAGE));
    }),
);

if (!linux.ignore) {
  onEachAccess(
    "MmapRegion.open() with flags passes MAP_LOCKED and MAP_POPULATE on",
    (path, access) => {
      using locked = MmapRegion.open(path, { access, flags: C.MAP_LOCKED });
      assertEquals(reportOf(locked).flags.includes("lo"), true);
      assertEquals(reportOf(locked).sizes["Rss"], PAGES * PAGE);
      using populated = MmapRegion.open(path, { access, flags: C.MAP_POPULATE });
      assertEquals(reportOf(populated).flags.includes("lo"), false);
      assertEquals(reportOf(populated).sizes["Rss"], PAGES * PAGE);
    },
  );
}

onEachAccess("MmapRegion.open() with flags passes on what kernels ignore", (path, access) => {
  for (const flags of [0, C.MAP_DENYWRITE, C.MAP_EXECUTABLE, C.MAP_STACK, C.MAP_NONBLOCK]) {
    using region = MmapRegion.open(path, { access, flags });
    assertEquals(region.bytes, pattern(PAGES * PAGE));
  }
});

const IS_WINDOWS = Deno.build.os === "windows";

/** Checks that a way to a region takes all options, of a file of {@linkcode PAGES} pages. */
function checkOptions(make: (options: MapOptions) => MmapRegion): void {
  const address = freeAddress();
  using locked = lockedPages();
  using region = make({
    access: "read-write",
    byteOffset: PAGE,
    byteLength: 2 * PAGE,
    executable: !writableCode.ignore,
    populate: true,
    lock: true,
    reserve: false,
    hugePages: true,
    flags: IS_WINDOWS ? 0 : C.MAP_STACK, // Windows has no flags
    address,
  });
  const rights = writableCode.ignore ? "rw-" : "rwx";
  assertEquals(rightsAt(addressOfRegion(region))?.slice(0, 3), rights);
  assertEquals(locked.of(region), [true, true]);
  assertEquals(region.residency().residentPages, 2);
  assertEquals([region.byteOffset, region.byteLength], [PAGE, 2 * PAGE]);
  assertEquals(addressOfRegion(region), address);
  if (proc.ignore) return;
  assertEquals(reportOf(region).rights, `${rights}s`);
  assertEquals(reportOf(region).sizes["Rss"], 2 * PAGE);
}

Deno.test("MmapRegion.fromFd() takes the same options", proc, () =>
  withTempDir((dir) => {
    const fd = C.open(makeSparseFile(dir, PAGES * PAGE), C.O_RDWR);
    checkOptions((options) => MmapRegion.fromFd(fd, options));
    C.close(fd);
  }));

Deno.test("MmapRegion.attach() takes the same options", holdings, () =>
  withTempDir((dir) => {
    const path = makeSparseFile(dir, PAGES * PAGE);
    using whole = MmapRegion.open(path, { access: "read-write" });
    checkOptions((options) => MmapRegion.attach(whole.handle(), options));
  }));
