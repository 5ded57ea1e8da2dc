/** Memory and disks where little is left, which this process mounts in a namespace of its own. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { Broadcast, Channel, connect, Latest, serve } from "@mmap/mmap/channel";
import { AppendLog, SharedArray, SharedMap } from "@mmap/mmap/collections";
import { f64 } from "@mmap/mmap/struct";
import { openDescriptors } from "../_process.ts";
import { PAGE } from "../_pages.ts";

const MIB = 2 ** 20;
const mount = ["-t", "tmpfs", "-o", "size=1m,mode=1777", "none", "/dev/shm"];
assert(new Deno.Command("mount", { args: mount }).outputSync().success);

function names(): string[] {
  return [...Deno.readDirSync("/dev/shm")].map(({ name }) => name);
}

function assertFull(make: () => unknown, syscall = "fallocate"): void {
  const before = [names(), openDescriptors().length];
  const error = assertThrows(make, Error, syscall);
  assertEquals((error as unknown as { code: string }).code, "ENOSPC");
  assertEquals([names(), openDescriptors().length], before);
}

/** Everything that lies in memory of its own, too large. */
const LARGE: ((place: { name: string } | { path: string }) => unknown)[] = [
  (place) => Channel.create({ ...place, capacity: 2 * MIB }),
  (place) => Broadcast.create({ ...place, capacity: 2 * MIB }),
  (place) => Latest.create({ ...place, byteLength: 2 * MIB }),
];
const PATH = "/dev/shm/file";
/** The collections that a file of their own can be too small for. */
const COLLECTIONS: (() => unknown)[] = [
  () => SharedMap.open(PATH, { create: true, capacity: 1000, valueByteLength: 4096 }),
  () => SharedArray.open(PATH, f64, { create: true, length: MIB }),
];

assertFull(() => MmapRegion.named("large", { createNew: true, byteLength: 2 * MIB }));
// All of it fits, and then the note of its owner does not.
assertFull(() => MmapRegion.named("whole", { createNew: true, byteLength: MIB }), "write");
for (const make of LARGE) {
  assertFull(() => make({ name: "large" }));
  assertFull(() => make({ path: PATH }));
}
for (const make of COLLECTIONS) assertFull(make);
{
  using _most = MmapRegion.named("most", { createNew: true, byteLength: MIB - 8 * PAGE });
  assertFull(() => AppendLog.open(PATH, { create: true }));
  assertFull(() => serve({ path: PATH }, () => new Uint8Array()));
  assertFull(() => serve({ name: "server" }, () => new Uint8Array()));
}
assertEquals(names(), []);

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

// What other programs made is mostly holes.
Deno.writeFileSync("/dev/shm/sparse", new Uint8Array());
Deno.truncateSync("/dev/shm/sparse", 2 * MIB);
assertFull(() => MmapRegion.named("sparse"));
MmapRegion.named("sparse", { access: "read" }).close();
MmapRegion.named("sparse", { reserve: false }).close();
Deno.truncateSync("/dev/shm/sparse", MIB / 2);
{
  using region = MmapRegion.named("sparse");
  assertEquals(Deno.statSync("/dev/shm/sparse").blocks, region.byteLength / 512);
}
Deno.removeSync("/dev/shm/sparse");

/** A connection takes memory of its own: where a client makes it beside the server's. */
{
  await using server = serve({ name: "server" }, (request) => request);
  await using client = connect({ name: "server" });
  assertEquals(await client.call(new Uint8Array([7])), new Uint8Array([7]));
  assertEquals(server.clients, 1);
}
assertEquals(names(), []);
console.log("nothing left");
