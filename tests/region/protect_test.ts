/** Changing what pages may be used for, without touching them the forbidden way. */

import { assertEquals, assertThrows } from "@std/assert";
import { MmapRegion, type Protection } from "@mmap/mmap";
import { proc, writableCode } from "../_capabilities.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { makeFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { PAGE, rightsAt } from "../_pages.ts";
import { addressOfRegion, KINDS, ODD_OFFSET } from "../_regions.ts";

/** Whether the system shows the rights of pages. */
const SHOWS_RIGHTS = !proc.ignore || Deno.build.os === "windows";

const NEW = { access: "read-write", createNew: true, byteLength: PAGE } as const;

/** The rights of each page of a region, such as ["rw-", "r--"]. */
function rightsOf(region: MmapRegion): string[] {
  const start = addressOfRegion(region);
  const rights: string[] = [];
  for (let at = 0; at < region.byteLength; at += PAGE) {
    rights.push(rightsAt(start + BigInt(at))!.slice(0, 3));
  }
  return rights;
}

const RIGHTS: Record<Protection, string> = {
  "none": "---",
  "read": "r--",
  "read-write": "rw-",
  "read-execute": "r-x",
  "read-write-execute": "rwx",
};

Deno.test({
  name: "MmapRegion.protect() gives the pages each protection, and their content comes back",
  ignore: !SHOWS_RIGHTS,
  fn(): void {
    using region = MmapRegion.anonymous(2 * PAGE, { sharing: "private" });
    region.bytes.set(pattern(2 * PAGE));
    for (const [protection, rights] of Object.entries(RIGHTS)) {
      if (writableCode.ignore && rights === "rwx") continue;
      region.protect(protection as Protection);
      assertEquals(rightsOf(region), [rights, rights]);
    }
    region.protect("read-write");
    assertEquals(region.bytes, pattern(2 * PAGE));
  },
});

Deno.test({
  name: "MmapRegion.protect() and open() throw NotSupported for writable code on Apple silicon",
  ignore: !writableCode.ignore,
  fn: () =>
    withTempDir((dir) => {
      const path = makeFile(dir, PAGE);
      using region = MmapRegion.open(path, { access: "read-write" });
      const calls = [
        () => region.protect("read-write-execute"),
        () => MmapRegion.open(path, { access: "read-write", executable: true }),
        () => MmapRegion.open(`${path}.new`, { ...NEW, executable: true }),
      ];
      for (const call of calls) assertThrows(call, Deno.errors.NotSupported, "Apple silicon");
      assertEquals([...Deno.readDirSync(dir)].length, 1);
      region.bytes[0] = 1;
    }),
});

for (const { name, make } of KINDS) {
  onBothFileSystems(`MmapRegion.protect() of ${name} goes to "none" and back`, (dir) => {
    using region = make(dir, 2 * PAGE + 10);
    region.bytes.set(pattern(2 * PAGE + 10));
    const copy = new Uint8Array(10);
    region.protect("none");
    assertEquals(region.tryRead(copy, 0), 0);
    assertEquals(region.tryWrite(copy, 0), 0);
    region.protect("read");
    assertEquals(region.bytes, pattern(2 * PAGE + 10));
    assertEquals(region.tryRead(copy, 0), 10);
    assertEquals(region.tryWrite(copy, 0), 0);
    region.protect("read-write");
    assertEquals(region.tryWrite(copy.fill(1), 0), 10);
    assertEquals(region.bytes, pattern(2 * PAGE + 10).fill(1, 0, 10));
    assertEquals(region.faults, 0);
  });
}

Deno.test({
  name: "MmapRegion.protect() changes the pages of its range and no others",
  ignore: !SHOWS_RIGHTS,
  fn(): void {
    using region = MmapRegion.anonymous(4 * PAGE);
    region.protect("read", { byteOffset: PAGE, byteLength: 2 * PAGE });
    assertEquals(rightsOf(region), ["rw-", "r--", "r--", "rw-"]);
    region.protect("none", { byteOffset: 2 * PAGE });
    assertEquals(rightsOf(region), ["rw-", "r--", "---", "---"]);
    region.protect("read-write");
    assertEquals(rightsOf(region), ["rw-", "rw-", "rw-", "rw-"]);
  },
});

Deno.test("MmapRegion.protect() throws RangeError for a range that cuts a page", () => {
  using region = MmapRegion.anonymous(3 * PAGE);
  const ranges = [
    { byteOffset: 1 },
    { byteOffset: 1, byteLength: PAGE },
    { byteLength: PAGE - 1 },
    { byteOffset: PAGE, byteLength: 1 },
  ];
  for (const range of ranges) {
    assertThrows(() => region.protect("read", range), RangeError, "must be whole pages of");
  }
  assertEquals(region.tryWrite(new Uint8Array(3 * PAGE), 0), 3 * PAGE);
});

onBothFileSystems("MmapRegion.protect() counts the region's own ends as page boundaries", (dir) => {
  using region = MmapRegion.open(makeFile(dir, 4 * PAGE), {
    access: "read-write",
    byteOffset: ODD_OFFSET,
    byteLength: PAGE + 10,
  });
  const lead = region.bytes.byteOffset;
  const second = PAGE - lead; // where the region's second page begins
  const byte = Uint8Array.of(1);
  region.protect("read", { byteLength: second });
  assertEquals([region.tryWrite(byte, second - 1), region.tryWrite(byte, second)], [0, 1]);
  region.protect("none", { byteOffset: second });
  assertEquals([region.tryRead(byte, 0), region.tryRead(byte, PAGE + 9)], [1, 0]);
  region.protect("read-write");
  assertEquals([region.tryWrite(byte, 0), region.tryWrite(byte, PAGE + 9)], [1, 1]);
  assertThrows(() => region.protect("read", { byteOffset: PAGE }), RangeError);
});

onBothFileSystems(
  "MmapRegion.protect() throws PermissionDenied EACCES for a read-only file",
  (dir) => {
    using region = MmapRegion.open(makeFile(dir, PAGE));
    for (const protection of ["read-write", "read-write-execute"] as const) {
      if (writableCode.ignore && protection === "read-write-execute") continue;
      assertThrowsSystem(
        () => region.protect(protection),
        Deno.errors.PermissionDenied,
        "EACCES",
        "mprotect",
      );
    }
    assertEquals(region.bytes, pattern(PAGE));
    region.protect("none");
    region.protect("read");
    assertEquals(region.bytes, pattern(PAGE));
  },
);

Deno.test("MmapRegion.protect() throws TypeError for what is no protection", () => {
  using region = MmapRegion.anonymous(PAGE);
  for (const protection of ["write", "", "toString", 1, null, undefined] as unknown[]) {
    assertThrows(
      () => region.protect(protection as Protection),
      TypeError,
      "Cannot protect region as there is no such protection",
    );
  }
});
