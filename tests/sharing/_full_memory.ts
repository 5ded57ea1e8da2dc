/** Named memory in a /dev/shm of 1 MiB, which this process mounts in a namespace of its own. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Channel } from "@mmap/mmap/channel";
import { PAGE } from "../_pages.ts";

const MIB = 2 ** 20;
const mount = ["-t", "tmpfs", "-o", "size=1m,mode=1777", "none", "/dev/shm"];
assert(new Deno.Command("mount", { args: mount }).outputSync().success);

function names(): string[] {
  return [...Deno.readDirSync("/dev/shm")].map(({ name }) => name);
}

function assertFull(make: () => unknown): void {
  const before = names();
  const error = assertThrows(make, Error, "fallocate");
  assertEquals((error as unknown as { code: string }).code, "ENOSPC");
  assertEquals(names(), before);
}

assertFull(() => MmapRegion.named("large", { createNew: true, byteLength: 2 * MIB }));
assertFull(() => Channel.create({ name: "large", capacity: 2 * MIB }));

{
  using first = MmapRegion.named("first", { createNew: true, byteLength: 700 * 1024 });
  assertFull(() => MmapRegion.named("second", { createNew: true, byteLength: 700 * 1024 }));
  // What was promised is there, to the last page.
  first.bytes.fill(7);
  assertEquals([first.faults, first.bytes.at(-1)], [0, 7]);
  const failure = assertThrows(() => first.resize(2 * MIB), Error);
  assertEquals((failure as unknown as { code: string }).code, "ENOSPC");
  assertEquals([first.byteLength, first.bytes[PAGE]], [700 * 1024, 7]);
}
assertEquals(names(), []);
console.log("nothing left");
