/** The guard of Windows: see windows.h. Each action gets a directory. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MappingFaultError, MmapRegion } from "@mmap/mmap";
import { existingTable, guardTable } from "../../ffi/guard/guard.ts";
import { HEADER_BYTE_LENGTH } from "../../ffi/guard/layout.ts";
import { bufferOver } from "../../ffi/memory.ts";
import { lastError, windows } from "../../ffi/windows/library.ts";
import { areasOf, PAGE_NOACCESS, PAGE_READONLY } from "../../src/os/windows/allocations.ts";
import { act, scope, startWorker } from "../_act.ts";
import { addressOf, assertFault, truncate } from "../_fault_child.ts";
import { makeFile, pattern } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import {
  ACCESS_VIOLATION,
  BREAKPOINT,
  CONTINUE_EXECUTION,
  CONTINUE_SEARCH,
  deliver,
  EXECUTE,
  IN_PAGE_ERROR,
  READ,
  WRITE,
} from "./_deliver_windows.ts";

/** The word that says which thread changes the range of the first slot; see layout.ts. */
const ABSORBER = (HEADER_BYTE_LENGTH + 52) / 4;

const { memchr, memset, fill, SetLastError } = {
  ...Deno.dlopen("ntdll.dll", {
    memchr: { parameters: ["pointer", "i32", "usize"], result: "pointer", nonblocking: true },
    memset: { parameters: ["pointer", "i32", "usize"], result: "pointer", nonblocking: true },
    fill: { name: "memset", parameters: ["pointer", "i32", "usize"], result: "pointer" },
  }).symbols,
  ...Deno.dlopen("kernel32.dll", { SetLastError: { parameters: ["u32"], result: "void" } }).symbols,
};

function pointerOf(bytes: Uint8Array<ArrayBuffer>): Deno.PointerObject {
  return Deno.UnsafePointer.of(bytes)!;
}

interface Opened {
  readonly path: string;
  readonly region: MmapRegion;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A region of a new file; the first one has the first slot. */
function open(dir: string, pages: number, access: "read" | "read-write" | "copy-on-write"): Opened {
  const path = makeFile(dir, pages * PAGE);
  const region = MmapRegion.open(path, { access });
  return { path, region, bytes: region.bytes };
}

/** The number of another thread of this process. */
function otherThread(): number {
  const { CreateToolhelp32Snapshot, Thread32First, Thread32Next } = Deno.dlopen("kernel32.dll", {
    CreateToolhelp32Snapshot: { parameters: ["u32", "u32"], result: "usize" },
    Thread32First: { parameters: ["usize", "buffer"], result: "i32" },
    Thread32Next: { parameters: ["usize", "buffer"], result: "i32" },
  }).symbols;
  const snapshot = CreateToolhelp32Snapshot(4, 0);
  const entry = new Uint32Array(7); // THREADENTRY32: size, usage, thread, process, ...
  entry[0] = entry.byteLength;
  const bytes = new Uint8Array(entry.buffer);
  const self = windows().GetCurrentThreadId();
  for (let more = Thread32First(snapshot, bytes); more; more = Thread32Next(snapshot, bytes)) {
    if (entry[3] === Deno.pid && entry[2] !== self) return entry[2]!;
  }
  throw new Error("There is no other thread");
}

/** Has the guard, which is not there yet, call another function than the one it asks for. */
function handOver(asked: string, given: string): void {
  const { GetProcAddress } = windows();
  const text = new TextDecoder();
  Object.assign(windows(), {
    GetProcAddress: (module: Deno.PointerValue, name: Uint8Array<ArrayBuffer>) => {
      if (text.decode(name) !== `${asked}\0`) return GetProcAddress(module, name);
      return GetProcAddress(module, new TextEncoder().encode(`${given}\0`));
    },
  });
}

const WORKERS = 6;

await act({
  async installOnce(): Promise<void> {
    assertEquals(existingTable(), undefined);
    const gate = new SharedArrayBuffer(4);
    const workers = Array.from({ length: WORKERS }, () => startWorker(import.meta.url, "install"));
    for (const { worker, next } of workers) {
      await next();
      worker.postMessage(gate);
    }
    const answers = await Promise.all(workers.map(({ next }) => next()));
    assertEquals(answers, answers.map(() => ["on", answers[0][1]]));
    for (const { worker } of workers) worker.terminate();
    assertEquals(MmapRegion.guardState(), "off"); // each isolate speaks for itself
    assertEquals(existingTable()!.address, answers[0][1]);
    assertEquals(guardTable()!.address, answers[0][1]);
  },

  /** Two Workers read while pages are replaced: they see what the file has at every moment. */
  async replaceUnderReaders(dir: string): Promise<void> {
    const pages = 512;
    const { region, bytes } = open(dir, pages, "read");
    const gate = new SharedArrayBuffer(8);
    const flags = new Int32Array(gate);
    const readers = [0, 1].map(() => startWorker(import.meta.url, "readOn"));
    for (const { worker, next } of readers) {
      await next();
      worker.postMessage([gate, addressOf(bytes), bytes.length]);
    }
    while (Atomics.load(flags, 0) < 2);
    for (let page = 0; page < pages; page++) bytes[page * PAGE] = 7;
    assertEquals(region.faults, pages);
    Atomics.store(flags, 1, 1);
    for (const { next, worker } of readers) {
      assertEquals(await next(), 0);
      worker.terminate();
    }
  },

  /** What is around a page stays as it was, in each of its parts. */
  keepProtections(dir: string): void {
    const { path, region, bytes } = open(dir, 16, "read-write");
    region.protect("none", { byteOffset: 2 * PAGE, byteLength: PAGE });
    region.protect("read", { byteOffset: 4 * PAGE, byteLength: 8 * PAGE });
    const protections = () =>
      [...areasOf({ pointer: pointerOf(bytes), byteLength: bytes.length })]
        .flatMap(({ start, end, protection }) => Array((end - start) / PAGE).fill(protection));
    const before = protections();
    bytes[6 * PAGE] = 250;
    assertEquals(region.faults, 1);
    const after = protections();
    assertEquals(after.length, 16);
    for (let page = 0; page < 16; page++) if (page !== 6) assertEquals(after[page], before[page]);
    assertEquals([before[2], before[5], before[11]], [PAGE_NOACCESS, PAGE_READONLY, PAGE_READONLY]);
    bytes[10 * PAGE] = 251;
    bytes[14 * PAGE] = 252; // the file's
    assertEquals(region.faults, 2);
    const expected = pattern(16 * PAGE);
    expected[14 * PAGE] = 252;
    assertEquals(Deno.readFileSync(path), expected);
  },

  /** Private changes and protections outlive a page that is missing beside them. */
  keepCopies(dir: string): void {
    const { path, region, bytes } = open(dir, 16, "copy-on-write");
    bytes[1] = 91;
    bytes[3 * PAGE] = 92;
    bytes[12 * PAGE] = 93; // of a page that will be missing
    region.protect("read", { byteOffset: 3 * PAGE, byteLength: PAGE });
    truncate(path, 8 * PAGE);
    assertEquals([bytes[9 * PAGE], region.faults], [0, 1]);
    bytes[9 * PAGE] = 94;
    assertEquals([bytes[1], bytes[3 * PAGE], bytes[9 * PAGE]], [91, 92, 94]);
    assertEquals(
      bytes.subarray(5 * PAGE, 8 * PAGE),
      pattern(16 * PAGE).subarray(5 * PAGE, 8 * PAGE),
    );
    assertEquals(region.faults, 1);
    bytes[3 * PAGE + 1] = 95;
    assertEquals([region.faults, bytes[3 * PAGE]], [2, 92]);
  },

  /** Without private memory in placeholders, zeros are a section, and cannot be told from the file. */
  replaceBySections(dir: string): void {
    handOver("VirtualAlloc2", "IsDebuggerPresent"); // it returns 0
    const { path, region, bytes } = open(dir, 8, "read-write");
    truncate(path, 2 * PAGE);
    assertEquals([bytes[4 * PAGE], bytes[6 * PAGE]], [0, 0]);
    bytes[4 * PAGE] = 5;
    assertEquals([bytes[4 * PAGE], bytes[6 * PAGE], region.faults], [5, 0, 2]);
    assertFault(() => region.check(), path, 4 * PAGE, 2);
    region.repair();
    region.check();
  },

  async meetLate(): Promise<void> {
    const byteLength = 4 * 2 ** 20;
    for (const guard of [true, false]) {
      const region = MmapRegion.anonymous(byteLength, { sharing: "private", guard });
      const address = pointerOf(region.bytes);
      region.bytes.fill(7);
      region.close();
      using live = MmapRegion.anonymous(byteLength);
      live.bytes.fill(5);
      const late = MmapRegion.lateAccesses;
      for (const other of [5, 7]) {
        assertEquals(await memchr(address, other, BigInt(byteLength)), null);
      }
      assertEquals(MmapRegion.lateAccesses - late, byteLength / 65536);
      await Promise.all([3, 4].map((byte) => memset(address, byte, BigInt(byteLength))));
      assert(live.bytes.every((byte) => byte === 5));
    }
  },

  keepLastError(dir: string): void {
    const { path, region, bytes } = open(dir, 2, "read-write");
    truncate(path, 0); // what the handler asks for a missing page fails
    windows();
    SetLastError(1234);
    fill(pointerOf(bytes), 1, 1n);
    assertEquals([lastError[0], region.faults], [1234, 1]);
  },

  passOthersOn(dir: string): void {
    const { region, bytes } = open(dir, 2, "read");
    const address = addressOf(bytes);
    using other = MmapRegion.open(makeFile(dir, PAGE, "other"), { guard: false });
    assertEquals(deliver(BREAKPOINT, WRITE, address), CONTINUE_SEARCH);
    assertEquals(deliver(ACCESS_VIOLATION, EXECUTE, address), CONTINUE_SEARCH);
    assertEquals(deliver(ACCESS_VIOLATION, WRITE, 16n), CONTINUE_SEARCH);
    assertEquals(deliver(ACCESS_VIOLATION, WRITE, addressOf(other.bytes)), CONTINUE_SEARCH);
    assertEquals([region.faults, bytes[0]], [0, pattern(1)[0]]);
    assertEquals(deliver(ACCESS_VIOLATION, WRITE, address), CONTINUE_EXECUTION);
    assertEquals(region.faults, 1);
  },

  /** A page that is there and cannot take what is written becomes a copy, if it is the same access again. */
  copyWhatCannotBeGiven(dir: string): void {
    const { path, region, bytes } = open(dir, 2, "read-write");
    const address = addressOf(bytes);
    for (let pc = 0n; pc < 4n; pc++) {
      assertEquals(deliver(IN_PAGE_ERROR, WRITE, address, pc), CONTINUE_EXECUTION);
    }
    assertEquals(region.faults, 0);
    assertEquals(deliver(IN_PAGE_ERROR, WRITE, address, 3n), CONTINUE_EXECUTION);
    assertEquals(region.faults, 1);
    bytes[0] = 250;
    assertEquals(Deno.readFileSync(path), pattern(2 * PAGE));
    assertThrows(() => region.check(), MappingFaultError);
  },

  leavePageOfAnother(dir: string): void {
    const { path, region, bytes } = open(dir, 2, "read-write");
    truncate(path, PAGE);
    bytes[PAGE] = 1;
    assertEquals(deliver(ACCESS_VIOLATION, READ, addressOf(bytes) + 4096n), CONTINUE_EXECUTION);
    assertEquals([bytes[PAGE], region.faults], [1, 1]);
  },

  leaveCopyOfAnother(dir: string): void {
    const { path, region, bytes } = open(dir, 2, "read-write");
    region.protect("read");
    bytes[PAGE] = 250;
    assertEquals(deliver(ACCESS_VIOLATION, WRITE, addressOf(bytes) + 4096n), CONTINUE_EXECUTION);
    assertEquals([bytes[PAGE], region.faults], [250, 1]);
    assertEquals(Deno.readFileSync(path), pattern(2 * PAGE));
  },

  goOnAfterClose(dir: string): void {
    const { path, region, bytes } = open(dir, 2, "read-write");
    const second = addressOf(bytes) + 4096n;
    truncate(path, PAGE);
    const kept = new Uint8Array(region.buffer.transfer());
    region.close();
    assertEquals(deliver(IN_PAGE_ERROR, READ, second), CONTINUE_EXECUTION);
    assertEquals(kept[PAGE], 0);
    const next = open(dir, 1, "read-write");
    truncate(path, 0);
    assertEquals([next.bytes[0], next.region.faults], [0, 1]); // the guard is still there
  },

  leaveRangeOfAnother(dir: string): void {
    const { region, bytes } = open(dir, 2, "read");
    const { halves } = guardTable()!;
    halves[ABSORBER] = otherThread();
    assertEquals(deliver(ACCESS_VIOLATION, WRITE, addressOf(bytes)), CONTINUE_EXECUTION);
    assertEquals(region.faults, 0);
    halves[ABSORBER] = 2 ** 30; // no thread has that number
    bytes[0] = 250;
    assertEquals([bytes[0], region.faults, halves[ABSORBER]], [250, 1, 0]);
    const self = windows().GetCurrentThreadId();
    halves[ABSORBER] = self;
    bytes[PAGE] = 250;
    assertEquals([bytes[PAGE], region.faults, halves[ABSORBER]], [250, 2, self]);
    halves[ABSORBER] = 0;
  },

  /** A thread that cannot be opened is not dead for that. */
  leaveRangeOfHiddenThread(dir: string): void {
    handOver("OpenThread", "GetProcessId"); // of no process: it returns 0, and ERROR_INVALID_HANDLE
    const { region, bytes } = open(dir, 2, "read");
    const { halves } = guardTable()!;
    halves[ABSORBER] = 2 ** 30;
    assertEquals(deliver(ACCESS_VIOLATION, WRITE, addressOf(bytes)), CONTINUE_EXECUTION);
    assertEquals([region.faults, halves[ABSORBER]], [0, 2 ** 30]);
    halves[ABSORBER] = 0;
  },

  async writeTogether(dir: string): Promise<void> {
    const pages = 1024;
    const { path, region, bytes } = open(dir, pages, "read-write");
    truncate(path, PAGE);
    const gate = new SharedArrayBuffer(8);
    const flags = new Int32Array(gate);
    const writers = [0, 1].map((id) => startWorker(import.meta.url, "writeWords", id));
    for (const { worker, next } of writers) {
      await next();
      worker.postMessage([gate, addressOf(bytes), bytes.length]);
    }
    for (const { next } of writers) assertEquals(await next(), "done");
    assertEquals(Atomics.load(flags, 0), 2);
    const words = new Int32Array(bytes.buffer, 0, bytes.length / 4);
    let lost = 0;
    for (let at = 1024; at < words.length; at += 1024) {
      if (words[at] !== 5 || words[at + 1] !== 5) lost++;
    }
    assertEquals(lost, 0);
    assert(region.faults > 0);
    for (const { worker } of writers) worker.terminate();
  },

  /** In a Worker: installs the guard once all are there; tells where its table is. */
  install(): void {
    scope.onmessage = ({ data }) => {
      const flag = new Int32Array(data);
      Atomics.add(flag, 0, 1);
      while (Atomics.load(flag, 0) < WORKERS);
      const { address } = guardTable()!;
      scope.postMessage([MmapRegion.guardState(), address]);
    };
    scope.postMessage("ready");
  },

  /** In a Worker: reads until told by the flag; tells how many bytes were wrong. */
  readOn(): void {
    scope.onmessage = ({ data: [gate, address, byteLength] }) => {
      const flags = new Int32Array(gate);
      const bytes = new Uint8Array(
        bufferOver({ pointer: Deno.UnsafePointer.create(address)!, byteLength }),
      );
      const expected = pattern(byteLength);
      let wrong = 0;
      Atomics.add(flags, 0, 1);
      while (Atomics.load(flags, 1) === 0) {
        for (let at = 1; at < byteLength; at += 1024) if (bytes[at] !== expected[at]) wrong++;
      }
      scope.postMessage(wrong);
    };
    scope.postMessage("ready");
  },

  /** In a Worker: writes a word of its own to every page. */
  writeWords(id: number): void {
    scope.onmessage = ({ data: [gate, address, byteLength] }) => {
      const flags = new Int32Array(gate);
      const words = new Int32Array(
        bufferOver({ pointer: Deno.UnsafePointer.create(address)!, byteLength }),
      );
      Atomics.add(flags, 0, 1);
      while (Atomics.load(flags, 0) < 2);
      for (let at = 0; at < words.length; at += 1024) words[at + id] = 5;
      scope.postMessage("done");
    };
    scope.postMessage("ready");
  },
});
