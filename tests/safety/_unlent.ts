/**
 * Life where operations of Deno cannot keep memory: on Windows, and on Linux without /proc, where Node's
 * part of Deno would end the process. Nothing else of regions may change, and nobody meets another
 * region's bytes.
 */

import { assert, assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { PAGE } from "../_pages.ts";

const IS_WINDOWS = Deno.build.os === "windows";
if (!IS_WINDOWS) {
  assert(new Deno.Command("umount", { args: ["-l", "/proc"] }).outputSync().success);
}

const { memchr, lateMemchr } = Deno.dlopen(IS_WINDOWS ? "ntdll.dll" : "libc.so.6", {
  memchr: { parameters: ["buffer", "i32", "usize"], result: "pointer", nonblocking: true },
  lateMemchr: { name: "memchr", parameters: ["pointer", "i32", "usize"], result: "pointer" },
}).symbols;

/** Checks that native code that has kept an address finds none of these bytes there. */
function assertLeaves(address: Deno.PointerValue, pages: number, bytes: number[]): void {
  for (const byte of bytes) assertEquals(lateMemchr(address, byte, BigInt(pages * PAGE)), null);
}

assertEquals(MmapRegion.lendingState(), "off");
const region = MmapRegion.anonymous(256 * PAGE);
const { bytes } = region;
bytes.fill(3);
assertEquals([MmapRegion.lendingState(), MmapRegion.guardState()], ["unavailable", "on"]);

const before = Deno.UnsafePointer.of(bytes);
region.resize(512 * PAGE);
assertEquals([bytes.length, region.bytes[0], region.bytes[256 * PAGE]], [0, 3, 0]);
region.bytes.fill(3);
const address = Deno.UnsafePointer.of(region.bytes);
assertLeaves(before, 256, [3]);

// Work under way when the region is closed, with another one opened right behind it.
const search = memchr(region.bytes, 5, BigInt(512 * PAGE));
region.close();
using other = MmapRegion.anonymous(512 * PAGE);
other.bytes.fill(5);
assertEquals([await search, MmapRegion.held], [null, 0]);
assertLeaves(address, 512, [3, 5]);

// A buffer that was taken away before the end: zeros, and the addresses stay taken.
const second = MmapRegion.anonymous(PAGE);
second.bytes.fill(8);
const taken = new Uint8Array(second.buffer.transfer());
second.close();
assertEquals([taken.length, taken[0], MmapRegion.held], [PAGE, 0, 0]);
console.log("alive");
