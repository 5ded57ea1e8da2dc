/** A region on a full disk, or of a file that is cut off, where the kernel may not copy. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { libc, threadErrno } from "../../ffi/libc.ts";
import { fillDisk } from "../_fill_disk.ts";
import { PAGE } from "../_pages.ts";
import { makeFile, makeSparseFile, pattern } from "../_files.ts";
import { forbidCopies } from "../_seccomp.ts";

const dir = Deno.args[0]!;

function assertForbidden(): void {
  const vector = new Uint8Array(16);
  const { process_vm_readv } = libc();
  assertEquals([process_vm_readv!(Deno.pid, vector, 0n, vector, 0n, 0n), threadErrno[0]], [-1n, 1]);
}

async function fullDisk(): Promise<void> {
  const path = makeFile(dir, pattern(1000)); // in a block, or in a page, of which the rest is a hole
  Deno.truncateSync(path, 4 * PAGE);
  const large = makeSparseFile(dir, 3000 * PAGE, "large.bin");
  await fillDisk(dir);
  using region = MmapRegion.open(path, { access: "read-write" });
  const { bytes } = region;
  assertEquals(bytes.subarray(0, 1000), pattern(1000));
  bytes[2000] = 5;
  bytes[3 * PAGE] = 6;
  assertEquals(bytes.subarray(0, 1000), pattern(1000));
  assertEquals([bytes[2000], bytes[3 * PAGE]], [5, 6]);

  // Each page before the last one's: none may take what those behind it hold.
  using all = MmapRegion.open(large, { access: "read-write" });
  for (let at = 2999 * PAGE; at >= 0; at -= PAGE) all.bytes[at] = 7;
  let lost = 0;
  for (let at = 0; at < 3000 * PAGE; at += PAGE) if (all.bytes[at] !== 7) lost++;
  assertEquals(lost, 0);
  assert(all.faults > 2000);
  assertThrows(() => all.check(), MappingFaultError);
  Deno.removeSync(`${dir}/filler`);
}

function cutOff(): void {
  const path = makeFile(dir, 8 * PAGE, "cut.bin");
  using region = MmapRegion.open(path, { access: "read-write" });
  Deno.truncateSync(path, 2 * PAGE);
  assertEquals([region.bytes[5 * PAGE], region.faults], [0, 1]);
  assertEquals([...region.probe()], [1, 1, 0, 0, 0, 0, 0, 0]);
  assertEquals(region.tryRead(new Uint8Array(8 * PAGE), 0), 2 * PAGE);
  region.repair();
  region.check();
  assertEquals(region.bytes.subarray(0, 2 * PAGE), pattern(2 * PAGE));
}

libc(); // loaded
forbidCopies();
assertForbidden();
await fullDisk();
cutOff();
