/** Seals of anonymous shared memory: who may change its size and its content. */

import { assertEquals, assertThrows } from "@std/assert";
import { formatHandle, MmapRegion } from "@mmap/mmap";
import * as C from "@mmap/mmap/libc";
import { resultOf } from "../_child.ts";
import { factOf } from "../../ffi/platform.ts";
import { system } from "../../src/os/mod.ts";
import { notOnMac } from "../_capabilities.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { pattern } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { ROOM } from "../_regions.ts";

const PROGRAM = new URL("_children.ts", import.meta.url);

const IS_WINDOWS = Deno.build.os === "windows";

const LENGTH = 3 * PAGE + 100;
/** Memory can be writable for its maker alone. */
const writeSeals = { ignore: system().name === "darwin" };

const DENIED = Deno.errors.PermissionDenied;

Deno.test("MmapRegion.anonymous() seals its size against shrinking", () => {
  using region = MmapRegion.anonymous(LENGTH);
  region.bytes.set(pattern(LENGTH));
  for (const byteLength of [1, PAGE, LENGTH - 1]) {
    assertThrowsSystem(() => region.resize(byteLength), DENIED, "EPERM", "ftruncate");
  }
  assertEquals(region.bytes, pattern(LENGTH));
  if (IS_WINDOWS) { // where nobody else can change its size
    using other = MmapRegion.attach(region.handle());
    assertThrowsSystem(() => other.resize(1), DENIED, "EPERM", "ftruncate");
    return assertEquals(other.bytes, pattern(LENGTH));
  }
  const { fd } = region.handle();
  const [type, code] = factOf({
    linux: [DENIED, "EPERM"] as const,
    darwin: [TypeError, "EINVAL"] as const, // it has its size for good
  });
  assertThrowsSystem(() => C.ftruncate(fd, 0), type, code, "ftruncate");
});

Deno.test("MmapRegion.anonymous() grows sealed memory", () => {
  using region = MmapRegion.anonymous(LENGTH, ROOM);
  region.bytes.set(pattern(LENGTH));
  region.resize(5 * PAGE);
  assertEquals(region.bytes.subarray(0, LENGTH), pattern(LENGTH));
  assertEquals(region.bytes.subarray(LENGTH), new Uint8Array(5 * PAGE - LENGTH));
  assertThrowsSystem(() => region.resize(LENGTH), DENIED, "EPERM", "ftruncate");
});

Deno.test("MmapRegion.anonymous() with resizable shrinks and grows", () => {
  using region = MmapRegion.anonymous(LENGTH, { resizable: true });
  region.bytes.set(pattern(LENGTH));
  region.resize(PAGE + 1);
  assertEquals(region.bytes, pattern(LENGTH).subarray(0, PAGE + 1));
  assertThrows(() => MmapRegion.attach(region.handle(), { byteLength: PAGE + 2 }), RangeError);
  region.resize(LENGTH);
  assertEquals(region.bytes.subarray(PAGE + 1), new Uint8Array(LENGTH - PAGE - 1));
});

Deno.test("MmapRegion.anonymous() with seal write lets nobody else write", notOnMac, async () => {
  using region = MmapRegion.anonymous(LENGTH, { seal: "write" });
  region.bytes.set(pattern(LENGTH)); // whoever sealed it still writes
  const handle = region.handle();
  assertEquals([region.access, handle.access], ["read-write", "read"]);
  const result = await resultOf(PROGRAM, {
    args: ["writeToSealed", handle],
    env: region.env(),
  });
  assertEquals(result, {
    access: "read",
    first: pattern(1)[0],
    attach: "done",
    attachForWriting: ["PermissionDenied", null, null],
    // Windows has no path that leads there.
    ...IS_WINDOWS ? {} : {
      open: ["PermissionDenied", "EPERM", "mmap"],
      write: ["PermissionDenied", "EPERM", null],
      shrink: ["PermissionDenied", "EPERM", null],
    },
    protect: ["PermissionDenied", "EACCES", IS_WINDOWS ? "VirtualProtect" : "mprotect"],
    tryWrite: 0,
    copy: "done",
  });
  assertEquals(region.bytes, pattern(LENGTH));
});

Deno.test(
  "MmapRegion.attach() to write-sealed memory sees what its owner writes",
  writeSeals,
  () => {
    using region = MmapRegion.anonymous(LENGTH, { seal: "write" });
    using reader = MmapRegion.attach(formatHandle(region.handle()));
    region.bytes[LENGTH - 1] = 42;
    assertEquals([reader.access, reader.bytes[LENGTH - 1]], ["read", 42]);
    region.resize(4 * LENGTH); // and still can after it has moved
    region.bytes[1] = 43;
    assertEquals(reader.bytes[1], 43);
  },
);

Deno.test("MmapRegion.anonymous() with seal write and resizable shrinks", writeSeals, () => {
  using region = MmapRegion.anonymous(LENGTH, { seal: "write", resizable: true });
  region.bytes.set(pattern(LENGTH));
  region.resize(10);
  assertEquals(region.bytes, pattern(10));
  region.bytes[0] = 1;
});

Deno.test("MmapRegion.anonymous() refuses seals of private memory", () => {
  assertThrows(
    () => MmapRegion.anonymous(PAGE, { sharing: "private", seal: "write" }),
    TypeError,
    "private memory has no seals",
  );
});
