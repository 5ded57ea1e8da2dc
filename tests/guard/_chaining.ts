/** What the guard does not absorb goes where it went before. */

import { assertEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import * as C from "@mmap/mmap/libc";
import { areaAt } from "../../src/os/windows/allocations.ts";
import { act, scope, startWorker } from "../_act.ts";
import { addressOf, truncate } from "../_fault_child.ts";
import { makeFile } from "../_files.ts";
import { makePages, PAGE } from "../_pages.ts";
import { viewOfFile } from "../_windows_library.ts";

/** `(func (export "get") (param i32) (result i32) (i32.load8_u (local.get 0)))`, memory of one page. */
// deno-fmt-ignore
const CODE = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 5, 3, 1, 0, 1,
  7, 7, 1, 3, 103, 101, 116, 0, 0, 10, 9, 1, 7, 0, 32, 0, 45, 0, 0, 11,
);

const { exports } = new WebAssembly.Instance(new WebAssembly.Module(CODE));
const get = exports["get"] as (at: number) => number;

function recurse(): number {
  return recurse() + 1;
}

/** What every program may rely on. */
function useSignals(times: number): void {
  for (let i = 0; i < times; i++) {
    assertThrows(recurse, RangeError, "call stack");
    assertThrows(() => get(65536 + i), WebAssembly.RuntimeError, "out of bounds");
    assertThrows(() => get(-1), WebAssembly.RuntimeError, "out of bounds");
    assertEquals(get(65535), 0);
  }
}

/** A region whose file is gone. */
function openFaulty(dir: string): MmapRegion {
  const path = makeFile(dir, 8 * PAGE);
  const region = MmapRegion.open(path);
  truncate(path, 0);
  return region;
}

/** Windows lets nobody say where a view is to be: reads where nothing is behind one. */
function readBehindView(dir: string, guard: boolean): void {
  const path = makeFile(dir, 2 * PAGE);
  while (true) {
    const end = addressOf(MmapRegion.open(path, { guard }).bytes) + BigInt(2 * PAGE);
    if (!areaAt(Number(end)).isCommitted) {
      return void new Deno.UnsafePointerView(Deno.UnsafePointer.create(end)!).getUint8();
    }
  }
}

/** What must end a process. */
const DEADLY: Record<string, (dir: string, guard: boolean) => unknown> = {
  "a read from an address where nothing is": () =>
    new Deno.UnsafePointerView(Deno.UnsafePointer.create(0x5000n)!).getUint8(),
  "a read right behind an open region"(dir, guard): void {
    if (Deno.build.os === "windows") return readBehindView(dir, guard);
    const foreign = C.mmap(null, 4 * PAGE, C.PROT_NONE, C.MAP_PRIVATE | C.MAP_ANONYMOUS, -1, 0);
    const address = Deno.UnsafePointer.value(foreign);
    C.munmap(foreign, 2 * PAGE);
    const path = makeFile(dir, 2 * PAGE);
    const inFront = MmapRegion.open(path, { address, guard });
    assertEquals(addressOf(inFront.bytes), address);
    new Deno.UnsafePointerView(Deno.UnsafePointer.offset(foreign, 2 * PAGE)!).getUint8();
  },
  "a write to a foreign read-only page"(): void {
    const address = makePages(PAGE, "r");
    new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(address, PAGE))[0] = 1;
  },
  "a read of a foreign map of a truncated file"(dir): void {
    const path = makeFile(dir, PAGE, "foreign.bin");
    if (Deno.build.os === "windows") {
      const address = viewOfFile(path);
      truncate(path, 0);
      return void new Deno.UnsafePointerView(address).getUint8();
    }
    const fd = C.open(path, C.O_RDWR);
    const address = C.mmap(null, PAGE, C.PROT_READ, C.MAP_SHARED, fd, 0);
    C.ftruncate(fd, 0);
    new Deno.UnsafePointerView(address).getUint8();
  },
};

await act({
  leaveToV8(dir: string): void {
    useSignals(3);
    assertEquals(MmapRegion.guardState(), "off");
    const region = openFaulty(dir);
    assertEquals(MmapRegion.guardState(), "on");
    useSignals(3);
    for (let page = 0; page < 8; page++) {
      assertEquals(region.bytes[page * PAGE], 0);
      useSignals(3);
    }
    assertEquals(region.faults, 8);
    for (let i = 0; i < 20000; i++) get(i); // by the optimiser as well
    useSignals(3);
    region.close();
    useSignals(3);
  },

  async leaveToV8InWorkers(dir: string): Promise<void> {
    const region = openFaulty(dir);
    const { worker, next } = startWorker(import.meta.url, "overflowAndTrap");
    const answer = ["RangeError", "RuntimeError"];
    assertEquals(await next(), [...answer, ...answer, ...answer, 3]);
    worker.terminate();
    assertEquals(region.bytes[0], 0);
    useSignals(2);
  },

  die(dir: string, name: string, guarded: boolean): void {
    if (guarded) {
      const region = openFaulty(dir);
      assertEquals([region.bytes[0], region.faults], [0, 1]);
      useSignals(1);
    }
    assertEquals(MmapRegion.guardState(), guarded ? "on" : "off");
    console.log("ready");
    DEADLY[name]!(dir, guarded);
    console.log("lived");
  },

  execute(dir: string): void {
    const path = makeFile(dir, 2 * PAGE);
    const region = MmapRegion.open(path, { executable: true });
    truncate(path, 0);
    const code = new Deno.UnsafeFnPointer(
      Deno.UnsafePointer.of(region.bytes.subarray(PAGE))!,
      { parameters: [], result: "void" },
    );
    console.log("ready");
    code.call();
  },

  beKilled(): void {
    const region = MmapRegion.anonymous(8192, { sharing: "private" });
    region.protect("read");
    region.bytes[0] = 1;
    console.log(region.faults, MmapRegion.guardState());
    setInterval(() => {}, 1000);
  },

  /** In a Worker: overflows its stack and meets traps, each time before a fault. */
  overflowAndTrap(): void {
    const region = MmapRegion.anonymous(PAGE, { sharing: "private" });
    const names: string[] = [];
    for (let i = 0; i < 3; i++) {
      for (const call of [recurse, () => get(65536)]) {
        try {
          call();
        } catch (error) {
          names.push((error as Error).constructor.name);
        }
      }
      region.protect("read");
      region.bytes[0] = i;
    }
    scope.postMessage([...names, region.faults]);
  },
});
