/** What is known about each machine. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, platform } from "../../ffi/platform.ts";

Deno.test("describe() knows both architectures of Linux", () => {
  for (const arch of ["x86_64", "aarch64"] as const) {
    assertEquals(describe("linux", arch), {
      os: "linux",
      arch,
      libcName: "libc.so.6",
      libcPaths: [
        `/lib/${arch}-linux-gnu/libc.so.6`,
        "/lib64/libc.so.6",
        "/usr/lib64/libc.so.6",
        "/usr/lib/libc.so.6",
      ],
      errnoLocation: "__errno_location",
      variadicOnStack: false,
    });
  }
});

Deno.test("describe() puts variadic arguments on the stack on Apple arm64 and nowhere else", () => {
  assertEquals(describe("darwin", "aarch64").variadicOnStack, true);
  assertEquals(describe("darwin", "x86_64").variadicOnStack, false);
  assertEquals(describe("darwin", "aarch64").errnoLocation, "__error");
  assertEquals(describe("darwin", "x86_64").libcName, "/usr/lib/libSystem.B.dylib");
});

Deno.test("describe() throws NotSupported on any other system and names the supported ones", () => {
  for (const os of ["freebsd", "netbsd", "aix", "solaris", "illumos"]) {
    assertThrows(
      () => describe(os, "x86_64"),
      Deno.errors.NotSupported,
      `Cannot map memory on "${os}": @mmap/mmap supports Linux, macOS and Windows`,
    );
  }
  const text = "Cannot call libc on Windows, which has none";
  assertThrows(() => describe("windows", "x86_64"), Deno.errors.NotSupported, text);
});

Deno.test("platform() is one frozen record", () => {
  const record = platform();
  assert(Object.isFrozen(record));
  assert(platform() === record);
  assertEquals(record, describe(Deno.build.os, Deno.build.arch));
});
