/** The handler of macOS, called with structs as its kernel makes them. Each action gets a directory. */

import { assertEquals, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { guardTable } from "../../ffi/guard/guard.ts";
import { threadErrno } from "../../ffi/libc.ts";
import { act } from "../_act.ts";
import { addressOf, truncate } from "../_fault_child.ts";
import { makeFile, pattern } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { handlerCaller, handlerOf } from "./_deliver.ts";

const SIGBUS = 10, SIGSEGV = 11, CODE = 1;

/** A region of three pages of the pattern, the last of which its file has lost. */
function openCut(
  dir: string,
): { region: MmapRegion; path: string; at(byteOffset: number): bigint } {
  const path = makeFile(dir, 3 * PAGE);
  const region = MmapRegion.open(path, { access: "read-write" });
  truncate(path, 2 * PAGE);
  const start = addressOf(region.bytes);
  return { region, path, at: (byteOffset) => start + BigInt(byteOffset) };
}

const isLost = (region: MmapRegion): boolean => region.probe()[2] === 0;

await act({
  leaveSent(dir: string): void {
    const { region, at } = openCut(dir);
    const call = handlerCaller();
    for (const signal of [SIGBUS, SIGSEGV]) {
      call({ signal, code: CODE, address: at(2 * PAGE), exception: "system call" });
    }
    assertEquals([region.faults, isLost(region)], [0, true]);
    call({ signal: SIGBUS, code: CODE, address: at(2 * PAGE) });
    assertEquals([region.faults, region.bytes[2 * PAGE]], [1, 0]);
  },

  leaveFetches(dir: string): void {
    const { region, at } = openCut(dir);
    const call = handlerCaller();
    const address = at(2 * PAGE);
    call({ signal: SIGBUS, code: CODE, address, exception: "fetch" });
    call({ signal: SIGBUS, code: CODE, address, exception: "read", pc: address });
    assertEquals([region.faults, isLost(region)], [0, true]);
  },

  leaveWhatIsAllowed(dir: string): void {
    const { region, at } = openCut(dir);
    const call = handlerCaller();
    const address = at(PAGE);
    for (let pc = 1n; pc < 5n; pc++) {
      call({ signal: SIGBUS, code: CODE, address, pc });
      call({ signal: SIGSEGV, code: CODE, address, pc, exception: "read" });
    }
    region.protect("read", { byteOffset: PAGE, byteLength: PAGE });
    call({ signal: SIGBUS, code: CODE, address, exception: "read" });
    assertEquals(region.faults, 0);
  },

  copyWhatCannotBeGiven(dir: string): void {
    const { region, path, at } = openCut(dir);
    const call = handlerCaller();
    const again = { signal: SIGBUS, code: CODE, address: at(PAGE + 8), pc: 5n };
    call(again);
    assertEquals(region.faults, 0);
    call(again);
    assertEquals(region.faults, 1);
    region.bytes[PAGE + 8] = 77; // into the copy
    const held = pattern(3 * PAGE);
    assertEquals(region.bytes[PAGE + 9], held[PAGE + 9]);
    assertEquals(Deno.readFileSync(path), held.subarray(0, 2 * PAGE));
    assertThrows(() => region.check(), MappingFaultError);
    region.repair();
    assertEquals(region.bytes[PAGE + 8], held[PAGE + 8]);
  },

  absorbByEitherSignal(dir: string): void {
    const { region, at } = openCut(dir);
    const call = handlerCaller();
    region.protect("read", { byteLength: 2 * PAGE });
    call({ signal: SIGBUS, code: CODE, address: at(0) });
    call({ signal: SIGSEGV, code: CODE, address: at(PAGE) }); // near the main thread's stack
    assertEquals(region.faults, 2);
    region.bytes[0] = 7;
    region.bytes[PAGE] = 8;
    assertEquals([region.faults, region.bytes[0], region.bytes[PAGE]], [2, 7, 8]);
  },

  keepErrno(dir: string): void {
    const { region, at } = openCut(dir);
    const call = handlerCaller();
    threadErrno[0] = 77;
    call({ signal: SIGBUS, code: CODE, address: at(2 * PAGE) });
    const kept = threadErrno[0];
    assertEquals([kept, region.faults], [77, 1]);
  },

  leaveZerosOfClosed(dir: string): void {
    const { region, at } = openCut(dir);
    const call = handlerCaller();
    const kept = new Uint8Array(region.buffer.transfer());
    const address = at(PAGE);
    region.close();
    for (const index of [0, 1] as const) {
      guardTable()!.setPrevious(index, { handler: 0n, flags: 0n });
    }
    const before = handlerOf(SIGBUS);
    call({ signal: SIGBUS, code: CODE, address });
    assertEquals([handlerOf(SIGBUS), kept[PAGE]], [before, 0]);
    // The same at memory that is nobody's zeros goes on to the default.
    const own = new Uint8Array(2 * PAGE);
    call({ signal: SIGBUS, code: CODE, address: addressOf(own) });
    assertEquals(handlerOf(SIGBUS), 0n);
  },

  meetLate(dir: string): void {
    const { region, at } = openCut(dir);
    const call = handlerCaller();
    region.close();
    const address = at(0);
    call({ signal: SIGSEGV, code: CODE, address, exception: "read" });
    const view = new Deno.UnsafePointerView(Deno.UnsafePointer.create(address)!);
    assertEquals([view.getUint8(9), MmapRegion.lateAccesses], [0, 1]);
  },
});
