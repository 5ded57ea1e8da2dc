/** A file that is cut under its map. Each action gets a directory. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { fromFileUrl } from "@std/path";
import * as C from "@mmap/mmap/libc";
import { act } from "../_act.ts";
import { assertFault, truncate } from "../_fault_child.ts";
import { makeFile, pattern } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { replaceSystem, system } from "../../src/os/mod.ts";

/** Eight pages of a file, cut at `end`, inside of the fourth one. */
interface Cut {
  readonly path: string;
  readonly end: number;
  readonly region: MmapRegion;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

function cutFile(dir: string): Cut {
  const path = makeFile(dir, 8 * PAGE);
  const end = 3 * PAGE + 100;
  const region = MmapRegion.open(path, { access: "read-write" });
  const { bytes } = region;
  let sum = 0;
  for (let at = 0; at < bytes.length; at += PAGE) sum += bytes[at]!; // all pages are there
  truncate(path, end);
  return { path, end, region, bytes };
}

type Way = "repair()" | "resize()" | "resize() to more" | "reopening";

await act({
  async tell(dir: string): Promise<void> {
    const { path, end, region, bytes } = cutFile(dir);
    region.check();
    assertEquals(region.faults, 0);
    assertEquals(bytes.subarray(0, end), pattern(8 * PAGE).subarray(0, end));
    assertEquals(bytes.subarray(end, 4 * PAGE), new Uint8Array(PAGE - 100)); // no fault: the page is there
    assertEquals(region.faults, 0);
    assertEquals(bytes[5 * PAGE + 7], 0);
    assertEquals(region.faults, 1);
    bytes[5 * PAGE + 8] = 9; // the page is there now
    bytes[7 * PAGE + 1] = 8;
    assertEquals([bytes[5 * PAGE + 8], bytes[7 * PAGE + 1]], [9, 8]);
    assertEquals(region.faults, 2);
    for (let i = 0; i < 2; i++) {
      assertFault(() => region.check(), path, 5 * PAGE + 7, 2);
      assertFault(() => region.flushSync(), path, 5 * PAGE + 7, 2);
      assertFault(
        () => region.flushSync({ byteLength: 1, durability: "memory" }),
        path,
        5 * PAGE + 7,
        2,
      );
      const error = await assertRejects(() => region.flush(), MappingFaultError);
      assertEquals([error.path, error.byteOffset, error.faults], [path, 5 * PAGE + 7, 2]);
      await assertRejects(() => region.flush({ durability: "disk" }), MappingFaultError);
    }
    assertEquals(Deno.readFileSync(path), pattern(8 * PAGE).subarray(0, end));
    region.close();
    assertEquals(region.faults, 2);
  },

  keepSharing(dir: string): void {
    const { path, end, region, bytes } = cutFile(dir);
    assertEquals(bytes[6 * PAGE], 0);
    bytes[PAGE] = 201;
    bytes[end - 1] = 202;
    const file = Deno.openSync(path, { write: true });
    file.seekSync(2 * PAGE, Deno.SeekMode.Start);
    file.writeSync(Uint8Array.of(203));
    file.close();
    using other = MmapRegion.open(path);
    assertEquals([other.bytes[PAGE], other.bytes[end - 1], bytes[2 * PAGE]], [201, 202, 203]);
    const written = Deno.readFileSync(path);
    assertEquals([written.length, written[PAGE], written[end - 1]], [end, 201, 202]);
    assertFault(() => region.flushSync(), path, 6 * PAGE, 1); // what is left was flushed all the same
  },

  async heal(dir: string, way: Way): Promise<void> {
    const cut = cutFile(dir);
    const { path, bytes } = cut;
    let { region } = cut;
    assertEquals(bytes[4 * PAGE], 0);
    bytes[5 * PAGE] = 77;
    bytes[7 * PAGE] = 78;
    const { faults } = region;
    assertEquals(faults, 3);
    makeFile(dir, pattern(8 * PAGE, 50)); // grows again, the same inode
    assertEquals([bytes[4 * PAGE], bytes[5 * PAGE]], [0, 77]); // cut off all the same
    assertFault(() => region.check(), path, 4 * PAGE, faults);
    switch (way) {
      case "repair()":
        region.repair();
        break;
      case "resize()":
        region.resize(8 * PAGE - 5);
        break;
      case "resize() to more":
        region.resize(9 * PAGE);
        break;
      case "reopening":
        region.close();
        region = MmapRegion.open(path, { access: "read-write" });
    }
    region.check();
    region.flushSync();
    await region.flush();
    const known = Math.min(region.byteLength, 8 * PAGE);
    assertEquals(region.bytes.subarray(0, known), pattern(8 * PAGE, 50).subarray(0, known));
    region.bytes[5 * PAGE] = 66;
    assertEquals(Deno.readFileSync(path)[5 * PAGE], 66);
    assertEquals(region.faults, way === "reopening" ? 0 : faults);
    truncate(path, PAGE); // and again: the first fault is another one now
    assertEquals(region.bytes[6 * PAGE + 3], 0);
    assertFault(() => region.check(), path, 6 * PAGE + 3, region.faults);
  },

  repairWhatIsStillShort(dir: string): void {
    const { path, region, bytes } = cutFile(dir);
    assertEquals(bytes[6 * PAGE], 0);
    bytes[6 * PAGE] = 5;
    region.repair();
    region.check();
    assertEquals(bytes[0], pattern(1)[0]);
    assertEquals(bytes[6 * PAGE], 0); // missing again, and no longer this process's 5
    assertFault(() => region.check(), path, 6 * PAGE, 2);
  },

  repairCopyOnWrite(dir: string): void {
    const path = makeFile(dir, 8 * PAGE);
    using region = MmapRegion.open(path, { access: "copy-on-write" });
    const { bytes } = region;
    bytes[1] = 91;
    bytes[2 * PAGE] = 92;
    truncate(path, 4 * PAGE);
    assertEquals(bytes[6 * PAGE], 0);
    bytes[6 * PAGE] = 93;
    assertFault(() => region.check(), path, 6 * PAGE, 1);
    // Grows again without being emptied, which would take the private pages too.
    const file = Deno.openSync(path, { write: true });
    file.writeSync(pattern(8 * PAGE, 3));
    file.close();
    region.repair();
    region.check();
    assertEquals([bytes[1], bytes[2 * PAGE]], [91, 92]);
    assertEquals(bytes[6 * PAGE], pattern(8 * PAGE, 3)[6 * PAGE]);
    assertEquals(Deno.readFileSync(path), pattern(8 * PAGE, 3));
  },

  countFromAnOddByte(dir: string): void {
    const path = makeFile(dir, 8 * PAGE);
    const byteOffset = PAGE + 1001;
    using region = MmapRegion.open(path, { access: "read-write", byteOffset });
    truncate(path, 2 * PAGE);
    const at = 3 * PAGE - byteOffset + 20;
    assertEquals(region.bytes[at], 0);
    assertFault(() => region.check(), path, at, 1);
    makeFile(dir, 8 * PAGE);
    region.repair();
    assertEquals(region.bytes, pattern(8 * PAGE).subarray(byteOffset));
    truncate(path, 0);
    // The page's bytes before the region belong to nobody: the region's first byte is told.
    assertEquals(new Uint8Array(region.buffer)[1000], 0);
    assertFault(() => region.check(), path, 0, 2);
  },

  async outlivePython(dir: string): Promise<void> {
    const path = makeFile(dir, 8 * PAGE);
    using region = MmapRegion.open(path, { access: "read-write" });
    const python = new Deno.Command("python3", {
      args: [fromFileUrl(import.meta.resolve("./_truncated.py")), path, String(6 * PAGE)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const output = python.stdout.getReader();
    let line = "";
    while (!line.endsWith("\n")) line += new TextDecoder().decode((await output.read()).value);
    assertEquals(line, "mapped\n");
    truncate(path, PAGE);
    assertEquals(region.bytes[6 * PAGE], 0);
    const input = python.stdin.getWriter();
    await input.write(new TextEncoder().encode("\n"));
    assertEquals((await output.read()).done, true);
    const status = await python.status;
    assertEquals([status.success, status.signal], [false, "SIGBUS"]);
    await input.close().catch(() => {});
    assertEquals(region.faults, 1);
    assertFault(() => region.check(), path, 6 * PAGE, 1);
  },

  repairAtItsAddress(dir: string): void {
    const path = makeFile(dir, 2 * PAGE);
    const free = C.mmap(null, 2 * PAGE, C.PROT_NONE, C.MAP_PRIVATE | C.MAP_ANONYMOUS, -1, 0);
    C.munmap(free, 2 * PAGE);
    const address = Deno.UnsafePointer.value(free);
    using region = MmapRegion.open(path, { address, flags: C.MAP_FIXED_NOREPLACE });
    truncate(path, PAGE);
    assertEquals(region.bytes[PAGE], 0);
    truncate(path, 2 * PAGE);
    Deno.writeFileSync(path, pattern(2 * PAGE));
    region.repair();
    region.check();
    assertEquals(region.bytes, pattern(2 * PAGE));
  },

  repairWhileItIsCut(dir: string): void {
    const path = makeFile(dir, PAGE);
    using region = MmapRegion.open(path, {
      access: "read-write",
      create: true,
      byteLength: 4 * PAGE,
    });
    const { bytes } = region;
    truncate(path, PAGE);
    bytes[PAGE] = 1;
    const real = system();
    const { memory } = real;
    const protect = (...args: Parameters<typeof memory.protect>): void => {
      memory.protect(...args);
      bytes[3 * PAGE] = 2; // as another thread may
    };
    const restore = replaceSystem({ ...real, memory: { ...memory, protect } });
    region.repair();
    restore();
    assertEquals(region.faults, 2);
    assertThrows(() => region.check(), MappingFaultError);
    region.repair();
    region.check();
  },

  writeToReadOnly(dir: string): void {
    const path = makeFile(dir, 4 * PAGE);
    using region = MmapRegion.open(path);
    const bytes = new Uint8Array(region.sharedBuffer());
    truncate(path, PAGE);
    bytes[2 * PAGE] = 1; // first it may not be written to, then it is missing
    assertEquals([bytes[2 * PAGE], region.faults], [1, 2]);
    assertThrows(() => region.check(), MappingFaultError);
  },

  dieUnguarded(dir: string): void {
    const path = makeFile(dir, 4 * PAGE);
    const region = MmapRegion.open(path, { guard: false });
    using guarded = MmapRegion.open(path); // the guard is there, but not for that one
    truncate(path, 0);
    assertEquals([guarded.bytes[3 * PAGE], guarded.faults, region.faults], [0, 1, 0]);
    console.log("ready");
    console.log(region.bytes[3 * PAGE]);
  },
});
