/** The other calls on mapped memory, with every error that they are documented to give. */

import { assert, assertEquals } from "@std/assert";
import * as c from "@mmap/mmap/libc";
import { factOf } from "../../ffi/platform.ts";
import { linux, proc } from "../_capabilities.ts";
import { resultOf } from "../_child.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { makeFile, withTempDir } from "../_files.ts";
import { at, bytesAt, lowAddress, PAGE, rightsAt, withPages } from "../_pages.ts";

const READ_WRITE = c.PROT_READ | c.PROT_WRITE;
const PRIVATE = c.MAP_PRIVATE | c.MAP_ANONYMOUS;
const value = Deno.UnsafePointer.value;
/** A page that cannot be mapped: the address space ends before it. */
const nowhere = Deno.UnsafePointer.create(2n ** 56n)!;

Deno.test({
  name: "mprotect() changes the rights of whole pages and of no others",
  ignore: proc.ignore,
  fn(): void {
    withPages(2, (address) => {
      bytesAt(address, 1)[0] = 5;
      assertEquals(c.mprotect(address, 1, c.PROT_READ), 0);
      assertEquals(rightsAt(value(address)), "r--p");
      assertEquals(rightsAt(value(address) + BigInt(PAGE)), "rw-p");
      assertEquals(bytesAt(address, 1)[0], 5);
      c.mprotect(address, 2 * PAGE, c.PROT_NONE);
      assertEquals(rightsAt(value(address)), "---p");
    });
  },
});

Deno.test("mprotect() throws TypeError EINVAL, ENOMEM and PermissionDenied EACCES", () =>
  withTempDir((dir) => {
    withPages(1, (address) => {
      const misaligned = (): unknown => c.mprotect(at(address, 1), PAGE, READ_WRITE);
      assertThrowsSystem(misaligned, TypeError, "EINVAL", "mprotect");
    });
    const none = (): unknown => c.mprotect(nowhere, PAGE, READ_WRITE);
    assertThrowsSystem(none, Error, "ENOMEM", "mprotect");
    const fd = c.open(makeFile(dir, PAGE), c.O_RDONLY);
    const address = c.mmap(null, PAGE, c.PROT_READ, c.MAP_SHARED, fd, 0);
    try {
      const denied = (): unknown => c.mprotect(address, PAGE, READ_WRITE);
      assertThrowsSystem(denied, Deno.errors.PermissionDenied, "EACCES", "mprotect");
    } finally {
      c.munmap(address, PAGE);
      c.close(fd);
    }
  }));

Deno.test("madvise() with MADV_DONTNEED drops private pages, which macOS keeps", () => {
  withPages(2, (address) => {
    const bytes = bytesAt(address, 2 * PAGE).fill(7);
    assertEquals(c.madvise(address, PAGE, c.MADV_DONTNEED), 0);
    const left = factOf({ linux: 0, darwin: 7 });
    assertEquals([bytes[0], bytes[PAGE - 1], bytes[PAGE]], [left, left, 7]);
  });
});

Deno.test("madvise() throws TypeError EINVAL for unknown advice, and fails where nothing is mapped", () => {
  withPages(1, (address) => {
    const unknown = (): unknown => c.madvise(address, PAGE, 4242);
    assertThrowsSystem(unknown, TypeError, "EINVAL", "madvise");
  });
  const [type, code] = factOf({
    linux: [Error, "ENOMEM"] as const,
    darwin: [TypeError, "EINVAL"] as const,
  });
  assertThrowsSystem(() => c.madvise(nowhere, PAGE, c.MADV_NORMAL), type, code, "madvise");
});

Deno.test({
  name: "madvise() throws TypeError EINVAL inside a page, and EFAULT behind the end of a file",
  ignore: linux.ignore, // macOS rounds, and populates nothing
  fn: () =>
    withTempDir((dir) => {
      withPages(1, (address) => {
        const misaligned = (): unknown => c.madvise(at(address, 1), PAGE, c.MADV_NORMAL);
        assertThrowsSystem(misaligned, TypeError, "EINVAL", "madvise");
      });
      const fd = c.open(makeFile(dir, 1), c.O_RDONLY);
      const address = c.mmap(null, 2 * PAGE, c.PROT_READ, c.MAP_SHARED, fd, 0);
      try {
        const beyond = (): unknown => c.madvise(address, 2 * PAGE, c.MADV_POPULATE_READ);
        assertThrowsSystem(beyond, Error, "EFAULT", "madvise");
      } finally {
        c.munmap(address, 2 * PAGE);
        c.close(fd);
      }
    }),
});

/** Runs `body` with one page that `mremap` may move; `body` gives its last address and size. */
function withMovable(
  body: (address: Deno.PointerObject) => [Deno.PointerObject, number],
): void {
  const [address, byteLength] = body(c.mmap(null, PAGE, READ_WRITE, PRIVATE, -1, 0));
  c.munmap(address, byteLength);
}

Deno.test({
  name: "mremap() grows and shrinks a mapping and keeps what it holds",
  ignore: linux.ignore,
  fn(): void {
    withMovable((address) => {
      bytesAt(address, PAGE).fill(7);
      const grown = c.mremap(address, PAGE, 16 * PAGE, c.MREMAP_MAYMOVE);
      const bytes = bytesAt(grown, 16 * PAGE);
      assertEquals([bytes[0], bytes[PAGE - 1], bytes[PAGE]], [7, 7, 0]);
      const shrunk = c.mremap(grown, BigInt(16 * PAGE), BigInt(PAGE), 0);
      assert(Deno.UnsafePointer.equals(shrunk, grown));
      assertEquals(bytesAt(shrunk, 1)[0], 7);
      return [shrunk, PAGE];
    });
  },
});

Deno.test({
  name: "mremap() with MREMAP_FIXED moves a mapping to the new address",
  ignore: linux.ignore,
  fn(): void {
    withPages(2, (target) => {
      // The page that it leaves behind must stay free, so that it is known to be an error.
      const address = c.mmap(lowAddress(1), PAGE, READ_WRITE, PRIVATE, -1, 0);
      bytesAt(address, 1)[0] = 7;
      const flags = c.MREMAP_MAYMOVE | c.MREMAP_FIXED;
      const moved = c.mremap(address, PAGE, PAGE, flags, at(target, PAGE));
      assert(Deno.UnsafePointer.equals(moved, at(target, PAGE)));
      assertEquals(bytesAt(moved, 1)[0], 7);
      assertThrowsSystem(
        () => c.mremap(address, PAGE, PAGE, c.MREMAP_MAYMOVE),
        Error,
        "EFAULT",
        "mremap",
      );
      // `moved` is a page of the target now, and is given back with it.
    });
  },
});

Deno.test({
  name: "mremap() throws TypeError EINVAL, and ENOMEM where it may not move",
  ignore: linux.ignore,
  fn(): void {
    withPages(2, (address) => {
      const calls = [
        () => c.mremap(at(address, 1), PAGE, PAGE, 0),
        () => c.mremap(address, PAGE, 0, 0),
        () => c.mremap(address, PAGE, PAGE, 0x100),
        () => c.mremap(address, PAGE, PAGE, c.MREMAP_FIXED, address),
      ];
      for (const call of calls) assertThrowsSystem(call, TypeError, "EINVAL", "mremap");
      // Its second page is in the way.
      assertThrowsSystem(() => c.mremap(address, PAGE, 2 * PAGE, 0), Error, "ENOMEM", "mremap");
    });
  },
});

Deno.test("mlock() makes pages resident and munlock() undoes it", () => {
  withPages(4, (address) => {
    const residency = new Uint8Array(4);
    c.mincore(address, 4 * PAGE, residency);
    assertEquals(residency.map((page) => page & 1), Uint8Array.of(0, 0, 0, 0));
    assertEquals(c.mlock(address, 4 * PAGE), 0);
    c.mincore(address, 4 * PAGE, residency);
    assertEquals(residency.map((page) => page & 1), Uint8Array.of(1, 1, 1, 1));
    assertEquals(c.munlock(address, 4 * PAGE), 0);
  });
});

Deno.test("mlock(), munlock() and mincore() throw ENOMEM where nothing is mapped", () => {
  assertThrowsSystem(() => c.mlock(nowhere, PAGE), Error, "ENOMEM", "mlock");
  assertThrowsSystem(() => c.munlock(nowhere, PAGE), Error, "ENOMEM", "munlock");
  const residency = Uint8Array.of(0xff);
  const look = (): unknown => c.mincore(nowhere, PAGE, residency);
  if (Deno.build.os === "linux") return void assertThrowsSystem(look, Error, "ENOMEM", "mincore");
  assertEquals([look(), residency[0]! & 1], [0, 0]); // macOS knows no holes there
});

Deno.test("mincore() throws TypeError EINVAL for an address inside a page", () => {
  withPages(2, (address) => {
    const call = (): unknown => c.mincore(at(address, 1), PAGE, new Uint8Array(1));
    assertThrowsSystem(call, TypeError, "EINVAL", "mincore");
  });
});

Deno.test("mlock() and MAP_LOCKED fail by name at the limit of locked memory", async () => {
  const result = await resultOf(new URL("_told.ts", import.meta.url), { args: ["lock"] });
  const expected = factOf({
    linux: [
      ["Error", "ENOMEM", "mlock"],
      ["WouldBlock", "EAGAIN", "mmap"],
      ["PermissionDenied", "EPERM", "mlock"],
    ],
    darwin: [["WouldBlock", "EAGAIN", "mlock"], ["WouldBlock", "EAGAIN", "mlock"]],
  });
  assertEquals(result, expected);
});
