/** Pages that are missing in private memory on Windows, for a moment or longer. */

import { assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { pointerAt } from "../../ffi/memory.ts";
import { ERROR_COMMITMENT_LIMIT } from "../../ffi/windows/errors.ts";
import { lastError, windows } from "../../ffi/windows/library.ts";
import { areaAt } from "../../src/os/windows/allocations.ts";
import { act, scope, startWorker } from "../_act.ts";
import { assertThrowsSystem } from "../_errors.ts";
import { addressOf } from "../_fault_child.ts";
import { PAGE } from "../_pages.ts";
import { patchWindows } from "../_windows_library.ts";
import { ACCESS_VIOLATION, CONTINUE_EXECUTION, deliver, READ } from "./_deliver_windows.ts";

const PAGES = 16;
const MEM_COMMIT = 0x1000;
const MEM_DECOMMIT = 0x4000;

/** A hole at the beginning, inside, at the end, and everywhere. */
const HOLES = [[0, 3], [5, 8], [13, 16], [0, 16]] as const;

function open(): MmapRegion {
  const region = MmapRegion.anonymous(PAGES * PAGE, {
    sharing: "private",
    reserve: 2 * PAGES * PAGE,
  });
  region.bytes.fill(7);
  return region;
}

/** The first bytes of the pages. */
function firsts({ bytes }: MmapRegion): number[] {
  return Array.from({ length: PAGES }, (_, page) => bytes[page * PAGE]!);
}

/** What those are after pages became zeros. */
function withZeros(from: number, to: number): number[] {
  return Array.from({ length: PAGES }, (_, page) => page >= from && page < to ? 0 : 7);
}

/** Calls `use`, and something else right before the dropped pages are there again. */
function whileDropping(happen: () => void, use: () => void): void {
  const { VirtualAlloc } = windows();
  const restore = patchWindows({
    VirtualAlloc(pointer, byteLength, type, protection): Deno.PointerValue {
      if (type === MEM_COMMIT) happen();
      return VirtualAlloc(pointer, byteLength, type, protection);
    },
  });
  use();
  restore();
}

await act({
  keepWhatIsAround(): void {
    for (const [from, to] of HOLES.slice(0, 3)) {
      using region = open();
      region.protect("read-write"); // from now on it is guarded
      const start = Deno.UnsafePointer.of(region.bytes)!;
      const length = BigInt((to - from) * PAGE);
      assertEquals(
        windows().VirtualFree(pointerAt(start, from * PAGE), length, MEM_DECOMMIT) !== 0,
        true,
      );
      for (let page = to - 1; page >= from; page--) region.bytes[page * PAGE] = 9;
      for (let page = from; page < to; page++) region.bytes[page * PAGE] = 0;
      assertEquals(firsts(region), withZeros(from, to));
      assertEquals(region.faults > 0, true);
    }
  },

  async leaveWhatIsDropped(): Promise<void> {
    const { worker, next } = startWorker(import.meta.url, "meetWhatIsMissing");
    await next();
    const ways: [way: (region: MmapRegion) => void, kept: number][] = [
      [(region) => region.discard(), 0],
      [(region) => region.advise("dont-need"), 0],
      [(region) => region.advise("free"), 0],
      [(region) => region.resize(PAGE), 1],
    ];
    for (const [way, kept] of ways) {
      using region = open();
      const address = addressOf(region.bytes) + BigInt(5 * PAGE);
      const flags = new Int32Array(new SharedArrayBuffer(8));
      let met = 0;
      whileDropping(() => {
        worker.postMessage([flags.buffer, address]);
        Atomics.wait(flags, 0, 0);
        met += areaAt(Number(address)).isCommitted ? 0 : 1; // nobody has put anything there
      }, () => way(region));
      assertEquals([met, flags[1], region.faults], [1, CONTINUE_EXECUTION, 0]);
      region.resize(PAGES * PAGE);
      assertEquals(firsts(region), withZeros(kept, PAGES));
    }
    worker.terminate();
  },

  dropWithoutMemory(): void {
    for (const [from, to] of HOLES) {
      using region = open();
      const range = { byteOffset: from * PAGE, byteLength: (to - from) * PAGE };
      const { VirtualAlloc } = windows();
      const restore = patchWindows({
        VirtualAlloc: (...args) => {
          if (args[2] !== MEM_COMMIT) return VirtualAlloc(...args);
          lastError[0] = ERROR_COMMITMENT_LIMIT;
          return null;
        },
      });
      assertThrowsSystem(() => region.discard(range), Error, "ENOMEM", "VirtualAlloc");
      restore();
      assertEquals(firsts(region), withZeros(from, to));
      region.bytes.fill(7);
      region.discard(range);
      assertEquals(firsts(region), withZeros(from, to));
      region.resize(4 * PAGES * PAGE);
      assertEquals([...firsts(region), region.bytes.at(-1)], [...withZeros(from, to), 0]);
    }
  },

  /** In a Worker: is the thread that meets a page; tells what the handler says. */
  meetWhatIsMissing(): void {
    scope.onmessage = ({ data: [gate, address] }) => {
      const flags = new Int32Array(gate);
      flags[1] = deliver(ACCESS_VIOLATION, READ, address);
      Atomics.store(flags, 0, 1);
      Atomics.notify(flags, 0);
    };
    scope.postMessage("ready");
  },
});
