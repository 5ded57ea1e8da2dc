/**
 * Native code that comes too late: it has kept the bare address of a region that was closed, while
 * another region was opened right behind it. Fails where it meets anything but zeros or EFAULT.
 */

import { assert, assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { PAGE } from "../_pages.ts";

/** Far more than the late pages that there are at once. */
const BYTE_LENGTH = 16 * 2 ** 20;

const { memchr, memset, write, pipe, close } = Deno.dlopen("libc.so.6", {
  memchr: { parameters: ["pointer", "i32", "usize"], result: "pointer", nonblocking: true },
  memset: { parameters: ["pointer", "i32", "usize"], result: "pointer", nonblocking: true },
  write: { parameters: ["i32", "pointer", "usize"], result: "isize" },
  pipe: { parameters: ["buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
}).symbols;

/** How much memory of its own this process has, in bytes. */
function resident(): number {
  const [, kibibytes] = Deno.readTextFileSync("/proc/self/status").match(/RssAnon:\s+(\d+)/)!;
  return Number(kibibytes) * 1024;
}

function mappings(): number {
  return Deno.readTextFileSync("/proc/self/maps").split("\n").length;
}

/** A region's address after its end. */
function addressOfClosed(options: {
  sharing: "shared" | "private";
  guard: boolean;
}): Deno.PointerObject {
  const region = MmapRegion.anonymous(BYTE_LENGTH, options);
  const address = Deno.UnsafePointer.of(region.bytes)!;
  region.bytes.fill(7);
  region.close();
  return address;
}

async function testReadsAndWrites(sharing: "shared" | "private", guard: boolean): Promise<void> {
  const address = addressOfClosed({ sharing, guard });
  using live = MmapRegion.anonymous(BYTE_LENGTH, { sharing });
  live.bytes.fill(5);
  const [memory, maps, late] = [resident(), mappings(), MmapRegion.lateAccesses];
  // Every byte is a zero: neither its own old bytes nor another region's.
  for (const other of [5, 7]) assertEquals(await memchr(address, other, BigInt(BYTE_LENGTH)), null);
  const pages = BYTE_LENGTH / PAGE;
  assert(MmapRegion.lateAccesses - late >= pages, `${MmapRegion.lateAccesses - late}`);
  await memset(address, 9, BigInt(BYTE_LENGTH));
  assert(live.bytes.every((byte) => byte === 5));
  // Bounded: what a late writer leaves makes room for what it writes next.
  assert(resident() - memory < 8 * 2 ** 20, `${resident() - memory}`);
  assert(mappings() - maps < 1100, `${mappings() - maps}`);
}

/** The kernel, too, finds nothing there. */
function testKernel(): void {
  const address = addressOfClosed({ sharing: "shared", guard: true });
  const ends = new Int32Array(2);
  assertEquals(pipe(new Uint8Array(ends.buffer)), 0);
  assertEquals(write(ends[1]!, address, 100n), -1n);
  for (const end of ends) close(end);
}

/** Two threads at the same pages. */
async function testTogether(): Promise<void> {
  const address = addressOfClosed({ sharing: "shared", guard: true });
  const byteLength = BigInt(BYTE_LENGTH / 8);
  await Promise.all([
    memset(address, 3, byteLength),
    memchr(address, 7, byteLength),
    memset(address, 4, byteLength),
    memchr(address, 5, byteLength),
  ]);
}

MmapRegion.anonymous(PAGE).bytes.fill(1); // loads what is loaded once
for (const sharing of ["shared", "private"] as const) {
  for (const guard of [true, false]) await testReadsAndWrites(sharing, guard);
}
testKernel();
await testTogether();
console.log(MmapRegion.guardState());
