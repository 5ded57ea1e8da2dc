/** The guard's installation in a process that has no descriptors left, or no /proc. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { _SC_PAGESIZE, sysconf } from "@mmap/mmap/libc";
import { PAGE } from "../_pages.ts";
import { makeFile } from "../_files.ts";
import { truncate } from "../_fault_child.ts";
import { setLimit } from "../_process.ts";
import { limitHandles } from "../_windows_limits.ts";

const [way, dir] = Deno.args as [string, string];

/** A region of a new file that was opened, and its path. */
interface Opened {
  readonly region: MmapRegion;
  readonly path: string;
}

function open(name: string): Opened {
  const path = makeFile(dir, 4 * PAGE, name);
  return { path, region: MmapRegion.open(path, { access: "read-write" }) };
}

/** The same with as few handles as that takes. */
function openWithoutHandles(path: string): Opened {
  for (let count = 0;; count++) {
    const restore = limitHandles(count);
    try {
      return { path, region: MmapRegion.open(path, { access: "read-write" }) };
    } catch (error) {
      assert(count < 20 && (error as { code?: string }).code === "EMFILE", String(error));
    } finally {
      restore();
    }
  }
}

/** Opens the first region with as few descriptors as that takes. */
function openWithoutDescriptors(): Opened {
  const path = makeFile(dir, 4 * PAGE, "first.bin");
  if (Deno.build.os === "windows") return openWithoutHandles(path);
  setLimit("NOFILE", 200);
  const held: Deno.FsFile[] = [];
  assertThrows(() => {
    while (held.length < 1000) held.push(Deno.openSync("/dev/null"));
  }, "os error 24");
  try {
    while (true) {
      try {
        return { path, region: MmapRegion.open(path, { access: "read-write" }) };
      } catch (error) {
        assert(held.length > 150, String(error));
        held.pop()!.close();
      }
    }
  } finally {
    for (const file of held) file.close();
  }
}

/** In a mount namespace of its own. Deno itself needs /proc to start. */
function openWithoutProc(): Opened {
  assert(new Deno.Command("umount", { args: ["-l", "/proc"] }).outputSync().success);
  assertThrows(() => Deno.statSync("/proc/self"), Deno.errors.NotFound);
  return open("first.bin");
}

function assertGuarded({ region, path }: Opened): void {
  assertEquals(MmapRegion.guardState(), "on");
  truncate(path, PAGE);
  assertEquals([region.bytes[2 * PAGE], region.faults], [0, 1]);
  assertThrows(() => region.check(), MappingFaultError);
  region.close();
}

if (Deno.build.os !== "windows") sysconf(_SC_PAGESIZE); // loads libc
assertEquals(MmapRegion.guardState(), "off");
const first = way === "descriptors" ? openWithoutDescriptors() : openWithoutProc();
assertGuarded(first);
assertGuarded(open("later.bin"));
