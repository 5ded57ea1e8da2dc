/** The guard's handler where several threads meet the same page. Each action gets a directory. */

import { assert, assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import * as C from "@mmap/mmap/libc";
import { guardTable } from "../../ffi/guard/guard.ts";
import { HEADER_BYTE_LENGTH } from "../../ffi/guard/layout.ts";
import { threadId } from "../../ffi/thread.ts";
import { act, scope, startWorker } from "../_act.ts";
import { addressOf, assertFault, truncate } from "../_fault_child.ts";
import { makeFile, pattern } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { handlerCaller, MISSING, otherThread } from "./_deliver.ts";

const PAGES = 4096, ROUNDS = 4;

/** The word that says which thread changes the range of the first slot; see table.ts. */
const ABSORBER = (HEADER_BYTE_LENGTH + 52) / 4;

/** The first guarded region, of two pages, and a way to the handler as the kernel calls it. */
interface Late {
  readonly path: string;
  readonly region: MmapRegion;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The words of the guard's table. */
  readonly halves: Int32Array;
  /** A fault at the second page that another thread had, and whose handler begins only now. */
  meet(): void;
}

function openLate(dir: string): Late {
  const { halves } = guardTable()!;
  const call = handlerCaller();
  const path = makeFile(dir, 2 * PAGE);
  const region = MmapRegion.open(path, { access: "read-write" });
  const { bytes } = region;
  const second = addressOf(bytes) + BigInt(PAGE);
  const meet = (): void => call({ ...MISSING, address: second });
  return { path, region, bytes, halves, meet };
}

function isMapped(address: bigint): boolean {
  return Deno.readTextFileSync("/proc/self/maps").includes(`${address.toString(16)}-`);
}

/** Where the memory was that a terminated Worker had in use. */
async function leave(path: string): Promise<bigint> {
  const { worker, next } = startWorker(import.meta.url, "useMemory", path);
  const left = await next();
  assert(isMapped(left));
  worker.terminate();
  for (const end = Date.now() + 20_000; isMapped(left);) {
    assert(Date.now() < end);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return left;
}

await act({
  leavePageOfAnother(dir: string): void {
    const { path, region, bytes, meet } = openLate(dir);
    truncate(path, PAGE);
    bytes[PAGE] = 1;
    meet();
    assertEquals([bytes[PAGE], region.faults], [1, 1]);
  },

  leaveCopyOfAnother(dir: string): void {
    const { region, bytes, meet } = openLate(dir);
    region.protect("read");
    bytes[PAGE] = 250;
    meet();
    assertEquals([bytes[PAGE], region.faults], [250, 1]);
  },

  leaveRangeOfAnother(dir: string): void {
    const { path, region, bytes, halves, meet } = openLate(dir);
    truncate(path, PAGE);
    halves[ABSORBER] = otherThread();
    meet();
    assertEquals([region.faults, region.probe({ byteOffset: PAGE })], [0, Uint8Array.of(0)]);
    halves[ABSORBER] = 2 ** 30; // no thread has that number
    assertEquals([bytes[PAGE], region.faults, halves[ABSORBER]], [0, 1, 0]);
  },

  absorbOwn(dir: string): void {
    const { path, region, bytes, halves } = openLate(dir);
    truncate(path, PAGE);
    halves[ABSORBER] = threadId();
    assertEquals([bytes[PAGE], region.faults, halves[ABSORBER]], [0, 1, threadId() | 0]);
    halves[ABSORBER] = 0;
  },

  goOnAfterClose(dir: string): void {
    const { path, region, meet } = openLate(dir);
    truncate(path, PAGE);
    const kept = new Uint8Array(region.buffer.transfer());
    region.close();
    meet();
    assertEquals(kept[PAGE], 0);
    using other = MmapRegion.open(makeFile(dir, PAGE), { access: "read-write" });
    truncate(path, 0);
    assertEquals([other.bytes[0], other.faults], [0, 1]); // the guard is still there
  },

  async writeTogether(dir: string): Promise<void> {
    const path = makeFile(dir, new Uint8Array(PAGE));
    truncate(path, PAGES * PAGE);
    using region = MmapRegion.open(path, { access: "read-write" });
    const shared = region.sharedBuffer();
    const turn = new Int32Array(new SharedArrayBuffer(8));
    const writers = [0, 1].map((id) => startWorker(import.meta.url, "writeRounds", id));
    for (const { next, worker } of writers) {
      await next();
      worker.postMessage([shared, turn, PAGE / 4]);
    }
    let lost = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      truncate(path, PAGE);
      Atomics.store(turn, 1, 0);
      Atomics.store(turn, 0, round);
      Atomics.notify(turn, 0);
      for (let over; (over = Atomics.load(turn, 1)) < 2;) Atomics.wait(turn, 1, over);
      const words = new Int32Array(shared);
      for (let at = PAGE / 4; at < words.length; at += PAGE / 4) {
        if (words[at] !== round || words[at + 1] !== round) lost++;
      }
      truncate(path, PAGES * PAGE);
      region.repair();
      region.check();
    }
    assertEquals(lost, 0);
    for (const { worker } of writers) worker.terminate();
  },

  async guardTheSamePlace(dir: string): Promise<void> {
    const path = makeFile(dir, 64 * PAGE);
    const other = makeFile(dir, 64 * PAGE, "other.bin");
    // Neither its beginning nor its offset are those of the slot that is left.
    async function openThere(): Promise<MmapRegion> {
      const address = await leave(path) + BigInt(16 * PAGE);
      const place = { byteOffset: 8 * PAGE, byteLength: 32 * PAGE };
      const region = MmapRegion.open(other, { access: "read-write", address, ...place });
      if (addressOf(region.bytes) === address) return region;
      region.close(); // another thread was faster
      return openThere();
    }
    using region = await openThere();
    region.protect("read");
    region.bytes[PAGE] = 250;
    assertEquals([region.faults, region.bytes[PAGE + 1]], [1, pattern(64 * PAGE)[9 * PAGE + 1]]);
    assertFault(() => region.check(), other, PAGE, 1);
  },

  async guardWhatWasGiven(dir: string): Promise<void> {
    const path = makeFile(dir, 64 * PAGE);
    const { worker, next } = startWorker(import.meta.url, "useMemory", path);
    const left = await next();
    worker.postMessage("give");
    const bytes = new Uint8Array(await next());
    worker.terminate();
    truncate(path, PAGE);
    for (let turn = 0; turn < 5; turn++) {
      bytes[(2 + turn) * PAGE] = 5; // before, while and after the Worker ends
      assertEquals(bytes[(2 + turn) * PAGE], 5);
      await new Promise((resolve) => setTimeout(resolve));
    }
    assert(isMapped(left));
  },

  async dieWhereItWas(dir: string): Promise<void> {
    const path = makeFile(dir, 64 * PAGE);
    const left = await leave(path);
    const flags = C.MAP_PRIVATE | C.MAP_ANONYMOUS | C.MAP_FIXED_NOREPLACE;
    const address = C.mmap(Deno.UnsafePointer.create(left), PAGE, C.PROT_NONE, flags, -1, 0);
    console.log("ready");
    new Deno.UnsafePointerView(address).getUint8();
  },

  /** In a Worker: writes to every page of what it is given, a round each time it is told. */
  writeRounds(id: number): void {
    scope.onmessage = ({ data: [shared, turn, step] }) => {
      const words = new Int32Array(shared);
      for (let round = 1; round <= ROUNDS; round++) {
        Atomics.wait(turn, 0, round - 1);
        for (let at = 0; at < words.length; at += step) words[at + id] = round;
        Atomics.add(turn, 1, 1);
        Atomics.notify(turn, 1);
      }
    };
    scope.postMessage("ready");
  },

  /** In a Worker: has memory in use, tells where, and gives it once it is asked to. */
  useMemory(path: string): void {
    const region = MmapRegion.open(path, { access: "read-write" });
    const shared = region.sharedBuffer();
    const bytes = new Uint8Array(shared);
    bytes[0] = 1;
    Object.assign(globalThis, { kept: [region, shared] });
    scope.postMessage(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
    scope.onmessage = () => scope.postMessage(shared);
  },
});
