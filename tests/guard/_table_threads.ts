/** The guard's table and other threads. */

import { assertEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { guardTable } from "../../ffi/guard/guard.ts";
import { HEADER_BYTE_LENGTH, SLOT_COUNT, TABLE_BYTE_LENGTH } from "../../ffi/guard/layout.ts";
import { GuardTable } from "../../ffi/guard/table.ts";
import { act, scope, startWorker } from "../_act.ts";
import { makeFile } from "../_files.ts";
import { makePages, PAGE } from "../_pages.ts";
import { descriptorCount, mapsOf } from "../_process.ts";

const RANGE = { fd: -1, fileOffset: 0n, pageSize: 4096n, borrowed: false };

await act({
  async takeTogether(): Promise<void> {
    const address = makePages(TABLE_BYTE_LENGTH);
    const workers = Array.from(
      { length: 4 },
      (_, id) =>
        startWorker(import.meta.url, "takeAndFree", String(Deno.UnsafePointer.value(address)), id),
    );
    for (const { next } of workers) assertEquals(await next(), "ready");
    for (const { worker } of workers) worker.postMessage("go");
    for (const { next, worker } of workers) {
      assertEquals(await next(), 0);
      worker.terminate();
    }
  },

  async waitForHandlers(): Promise<void> {
    const address = makePages(TABLE_BYTE_LENGTH);
    const table = new GuardTable(address);
    const slot = table.take();
    slot.begin({ ...RANGE, start: 4096n, end: 8192n });
    Atomics.store(table.halves, HEADER_BYTE_LENGTH / 4 + 10, 1);
    const { next, worker } = startWorker(
      import.meta.url,
      "handle",
      String(Deno.UnsafePointer.value(address)),
    );
    assertEquals(await next(), "ready");
    assertEquals(slot.free(), 77);
    worker.terminate();
  },

  takeAll(dir: string): void {
    const path = makeFile(dir, PAGE);
    const table = guardTable();
    const slots = Array.from({ length: SLOT_COUNT }, () => table!.take());
    const held = (): number[] => [mapsOf(path).length, descriptorCount()];
    const before = held();
    assertThrows(() => MmapRegion.open(path), Error, "guard: false");
    assertThrows(() => MmapRegion.anonymous(PAGE), Error, "guard: false");
    assertEquals(held(), before);
    MmapRegion.open(path, { guard: false }).close();
    slots[7]!.free();
    MmapRegion.open(path).close();
    MmapRegion.open(path).close();
  },

  /** In a Worker: takes slots and frees them, and tells how often others had changed its own. */
  takeAndFree(address: string, id: number): void {
    const table = new GuardTable(Deno.UnsafePointer.create(BigInt(address))!);
    scope.onmessage = () => {
      let mixed = 0;
      for (let round = 0; round < 500; round++) {
        const slots = Array.from({ length: 8 }, () => table.take());
        const mine = slots.map((slot, i) => {
          const start = BigInt((id + 1) * 2 ** 32 + (round * 8 + i + 1) * 4096);
          const end = start + 4096n;
          slot.begin({ ...RANGE, start, end, fileOffset: start });
          return start;
        });
        const held = new Set(table.words.subarray(0, 4096)); // far more slots than are taken at once
        mixed += mine.filter((start) => !held.has(start)).length;
        for (const slot of slots) slot.free();
      }
      scope.postMessage(mixed);
    };
    scope.postMessage("ready");
  },

  /** In a Worker: stands for a handler at work, which lowers `busy` after it saw the start cleared. */
  handle(address: string): void {
    const table = new GuardTable(Deno.UnsafePointer.create(BigInt(address))!);
    scope.postMessage("ready");
    const word = HEADER_BYTE_LENGTH / 8;
    while (Atomics.load(table.words, word) !== 0n);
    table.words[word + 3] = 77n; // a fault that is counted late
    Atomics.store(table.halves, 2 * word + 10, 0);
  },
});
