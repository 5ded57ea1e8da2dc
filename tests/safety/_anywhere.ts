/** Faults that do not come from plain JavaScript on the main thread. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import * as C from "@mmap/mmap/libc";
import { act, scope, startWorker } from "../_act.ts";
import { assertFault, truncate, truncateMeanwhile } from "../_fault_child.ts";
import { makeFile, pattern } from "../_files.ts";
import { PAGE } from "../_pages.ts";

const IS_WINDOWS = Deno.build.os === "windows";
/** Where C's functions for bytes are. */
const LIBRARY = IS_WINDOWS ? "ntdll.dll" : "libc.so.6";

/** A file of 64 pages. */
interface Opened {
  readonly path: string;
  readonly region: MmapRegion;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

function openFile(dir: string): Opened {
  const path = makeFile(dir, 64 * PAGE);
  const region = MmapRegion.open(path, { access: "read-write" });
  return { path, region, bytes: region.bytes };
}

/** The system finds nothing to write. */
function writeByLibc(path: string, bytes: Uint8Array<ArrayBuffer>): void {
  const { write } = Deno.dlopen(LIBRARY, {
    write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  }).symbols;
  const sink = C.open(path, C.O_WRONLY | C.O_CREAT);
  assertEquals(write(sink, bytes, 10n), -1n);
  C.close(sink);
}

await act({
  async faultInLibc(dir: string): Promise<void> {
    const { path, region, bytes } = openFile(dir);
    using _ = region;
    const libc = Deno.dlopen(LIBRARY, {
      memcmp: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
      memmem: {
        parameters: ["buffer", "usize", "buffer", "usize"],
        result: "pointer",
        optional: true,
      },
      memchr: { parameters: ["buffer", "i32", "usize"], result: "pointer" },
      memset: { parameters: ["buffer", "i32", "usize"], result: "pointer" },
      memcpy: { parameters: ["buffer", "buffer", "usize"], result: "pointer" },
      strlen: { parameters: ["pointer"], result: "usize" },
      memmemOffThread: {
        name: "memmem",
        parameters: ["buffer", "usize", "buffer", "usize"],
        result: "pointer",
        nonblocking: true,
        optional: true,
      },
      memchrOffThread: {
        name: "memchr",
        parameters: ["buffer", "i32", "usize"],
        result: "pointer",
        nonblocking: true,
      },
      memsetOffThread: {
        name: "memset",
        parameters: ["buffer", "i32", "usize"],
        result: "pointer",
        nonblocking: true,
      },
    }).symbols;
    truncate(path, PAGE);
    assertEquals(
      libc.memcmp(bytes.subarray(PAGE, 9 * PAGE), new Uint8Array(8 * PAGE), BigInt(8 * PAGE)),
      0,
    );
    assertEquals(region.faults, 8);
    const needle = Uint8Array.of(1, 2, 3, 250);
    // Windows has no `memmem`.
    const searched = [bytes.subarray(9 * PAGE, 17 * PAGE), BigInt(8 * PAGE)] as const;
    const found = IS_WINDOWS
      ? libc.memchr(searched[0], 250, searched[1])
      : libc.memmem!(...searched, needle, 4n);
    assertEquals(found, null);
    assertEquals(region.faults, 16);
    const tail = Deno.UnsafePointer.of(bytes.subarray(17 * PAGE));
    assertEquals(libc.strlen(tail), 0n);
    libc.memset(bytes.subarray(18 * PAGE, 20 * PAGE), 7, BigInt(2 * PAGE));
    assertEquals([bytes[18 * PAGE], bytes[20 * PAGE - 1]], [7, 7]);
    libc.memcpy(
      bytes.subarray(20 * PAGE, 22 * PAGE),
      bytes.subarray(30 * PAGE, 32 * PAGE),
      BigInt(2 * PAGE),
    );
    assertEquals(region.faults, 16 + 1 + 2 + 4);
    const later = [bytes.subarray(40 * PAGE, 44 * PAGE), BigInt(4 * PAGE)] as const;
    const foundLater = IS_WINDOWS
      ? libc.memchrOffThread(later[0], 250, later[1])
      : libc.memmemOffThread!(...later, needle, 4n);
    assertEquals(await foundLater, null);
    await Promise.all(
      [45, 46, 47, 48].map((page) =>
        libc.memsetOffThread(bytes.subarray(page * PAGE, (page + 1) * PAGE), page, BigInt(PAGE))
      ),
    );
    assertEquals([45, 46, 47, 48].map((page) => bytes[(page + 1) * PAGE - 1]), [45, 46, 47, 48]);
    assertEquals(region.faults, 23 + 4 + 4);
    assertEquals(Deno.statSync(path).size, PAGE);
    assertFault(() => region.check(), path, PAGE, 31);
  },

  async faultInSystemCalls(dir: string): Promise<void> {
    const { path, region, bytes } = openFile(dir);
    using _ = region;
    truncate(path, PAGE);
    if (!IS_WINDOWS) writeByLibc(`${dir}/sink`, bytes.subarray(9 * PAGE));
    const file = Deno.openSync(dir + "/copy", { write: true, create: true });
    const message = IS_WINDOWS ? "os error" : "os error 14";
    assertThrows(() => file.writeSync(bytes.subarray(9 * PAGE)), Error, message);
    await assertRejects(() => file.write(bytes.subarray(9 * PAGE)), Error, message);
    file.close();
    assertEquals(region.faults, 0);
  },

  faultInWebAssembly(dir: string): void {
    // (import "e" "m" (memory 16 16 shared))
    // (func (export "get") (param i32) (result i32) (i32.load8_u (local.get 0)))
    // (func (export "set") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
    const code = Uint8Array.of(
      0,
      97,
      115,
      109,
      1,
      0,
      0,
      0,
      1,
      11,
      2,
      96,
      1,
      127,
      1,
      127,
      96,
      2,
      127,
      127,
      0,
      2,
      9,
      1,
      1,
      101,
      1,
      109,
      2,
      3,
      16,
      16,
      3,
      3,
      2,
      0,
      1,
      7,
      13,
      2,
      3,
      103,
      101,
      116,
      0,
      0,
      3,
      115,
      101,
      116,
      0,
      1,
      10,
      19,
      2,
      7,
      0,
      32,
      0,
      45,
      0,
      0,
      11,
      9,
      0,
      32,
      0,
      32,
      1,
      58,
      0,
      0,
      11,
    );
    const { length } = pattern(2 ** 20);
    const path = makeFile(dir, 2 ** 20);
    const region = MmapRegion.open(path, { access: "read-write" });
    const memory = region.wasmMemory();
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), {
      e: { m: memory },
    });
    const { get, set } = exports as Record<"get" | "set", (...args: number[]) => number>;
    const shared = new Uint8Array(region.sharedBuffer());
    for (let i = 0; i < 20000; i++) get(i); // compiled by the optimiser too
    assertEquals(get(5000), pattern(length)[5000]);
    truncate(path, PAGE);
    assertEquals(get(5000), 0);
    set(9000, 77);
    assertEquals([get(9000), shared[9000], region.faults], [77, 77, 2]);
    assertFault(() => region.check(), path, 5000, 2);
    assertFault(() => region.flushSync(), path, 5000, 2);
    assertEquals(shared[40 * PAGE], 0);
    assertEquals(Atomics.add(new Int32Array(shared.buffer), 50 * PAGE / 4, 3), 0);
    assertEquals(region.faults, 4);
    assertThrows(() => get(2 ** 20), WebAssembly.RuntimeError);
    assertThrows(() => set(-1, 1), WebAssembly.RuntimeError);
    makeFile(dir, pattern(2 ** 20, 3));
    region.repair();
    region.check();
    assertEquals([get(5000), get(9000)], [5000, 9000].map((at) => pattern(length, 3)[at]));
    region.close();
    assertEquals([get(5000), shared[9000]], [0, 0]);
    assertThrows(() => get(2 ** 20), WebAssembly.RuntimeError);
  },

  async faultInWorkers(dir: string): Promise<void> {
    const path = makeFile(dir, 64 * PAGE);
    using flags = MmapRegion.anonymous(PAGE);
    const flag = flags.view(Int32Array);
    const workers = [1, 2].map(() =>
      startWorker(import.meta.url, "touch", path, flags.env().MMAP_REGION)
    );
    for (const { next } of workers) assertEquals(await next(), "ready");
    const least = IS_WINDOWS ? 20 : 200;
    for (let rounds = 0; rounds < least || Atomics.load(flag, 1) < 4; rounds++) {
      await truncateMeanwhile(path, 100);
      await truncateMeanwhile(path, 64 * PAGE);
    }
    Atomics.store(flag, 0, 1);
    let faults = 0;
    for (const { next, worker } of workers) {
      faults += await next();
      worker.terminate();
    }
    assert(faults > 0);
    using again = MmapRegion.open(path);
    assertEquals(again.byteLength, 64 * PAGE);
  },

  async endWorkers(): Promise<void> {
    const path = Deno.makeTempFileSync();
    Deno.truncateSync(path, 8 * PAGE);
    try {
      for (let round = 0; round < 5; round++) {
        const { worker, next } = startWorker(import.meta.url, "openAndLeave", path);
        assertEquals(await next(), "ready");
        truncate(path, 0);
        worker.postMessage("touch");
        assertEquals(await next(), 1);
        worker.terminate();
        truncate(path, 8 * PAGE);
      }
      using region = MmapRegion.open(path);
      truncate(path, 0);
      assertEquals([region.bytes[0], region.faults], [0, 1]);
    } finally {
      Deno.removeSync(path);
    }
  },

  /** In a Worker: reads, writes and heals until the first word of the handle's memory is set. */
  touch(path: string, handle: string): void {
    const flags = MmapRegion.attach(handle);
    const flag = flags.view(Int32Array);
    const region = MmapRegion.open(path, { access: "read-write" });
    let sum = 0;
    scope.postMessage("ready");
    while (Atomics.load(flag, 0) === 0) {
      for (const byte of region.bytes) sum += byte;
      region.bytes[63 * PAGE] = 1;
      if (region.faults > 0) Atomics.add(flag, 1, 1);
      region.repair();
    }
    const { faults } = region;
    region.close();
    flags.close();
    scope.postMessage(faults);
  },

  /** In a Worker: opens a region that nobody closes. */
  openAndLeave(path: string): void {
    const region = MmapRegion.open(path);
    scope.onmessage = () => scope.postMessage(region.bytes[5 * PAGE]! + region.faults);
    scope.postMessage("ready");
  },
});
