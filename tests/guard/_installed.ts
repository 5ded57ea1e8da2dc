/** One handler and one table per process; and life without them. Each action gets a directory. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import * as C from "@mmap/mmap/libc";
import { SIGBUS, SIGSEGV } from "../../ffi/constants.ts";
import { guardTable } from "../../ffi/guard/guard.ts";
import { TABLE_OFFSET } from "../../ffi/guard/layout.ts";
import { find } from "../../ffi/guard/windows.ts";
import { libc } from "../../ffi/libc.ts";
import { platform } from "../../ffi/platform.ts";
import { ERROR_ACCESS_DENIED } from "../../ffi/windows/errors.ts";
import { lastError, windows } from "../../ffi/windows/library.ts";
import { PAGE_EXECUTE_READ } from "../../src/os/windows/allocations.ts";
import { act, scope, startWorker } from "../_act.ts";
import { addressOf, truncate } from "../_fault_child.ts";
import { makeFile, pattern } from "../_files.ts";
import { patchLibc } from "../_libc.ts";
import { PAGE } from "../_pages.ts";
import { patchWindows } from "../_windows_library.ts";

const IS_WINDOWS = Deno.build.os === "windows";

// Not by `libc()`, in which actions here put other functions.
const sigaction = IS_WINDOWS ? undefined : Deno.dlopen(platform().libcName, {
  sigaction: { parameters: ["i32", "pointer", "buffer"], result: "i32" },
}).symbols.sigaction;

/** Windows has one handler for all, which is known by its table. */
function handlerOf(signal: number): bigint {
  if (sigaction === undefined) {
    const table = find();
    return table?.complete ? BigInt(table.address - TABLE_OFFSET + 64) : 0n;
  }
  const record = new BigUint64Array(19);
  assertEquals(sigaction(signal, null, record), 0);
  return record[0]!;
}

/** The handlers that are installed. */
const handlers = (): bigint[] => [handlerOf(SIGBUS), handlerOf(SIGSEGV)];

/** Everything that needs no guard, in a process that has none. */
async function useWithoutGuard(dir: string): Promise<void> {
  const before = handlers();
  const path = makeFile(dir, 4 * PAGE);
  {
    using region = MmapRegion.open(path, { access: "read-write" });
    assertEquals(MmapRegion.guardState(), "unavailable");
    assertEquals(region.bytes, pattern(4 * PAGE));
    region.bytes[0] = 9;
    region.flushSync();
    await region.flush({ durability: "disk" });
    region.check();
    region.repair();
    region.resize(5 * PAGE);
    region.protect("read", { byteLength: PAGE });
    region.protect("read-write", { byteLength: PAGE });
    assertEquals([Deno.readFileSync(path)[0], region.faults], [9, 0]);
    const handle = region.handle();
    using again = MmapRegion.attach(handle);
    assertEquals(again.bytes[0], 9);
    if (!IS_WINDOWS && globalThis.WebAssembly !== undefined) { // it is missing without a JIT
      new Uint8Array(region.sharedBuffer())[1] = 8;
      assertEquals(again.bytes[1], 8);
    }
    truncate(path, PAGE);
    const target = new Uint8Array(3 * PAGE);
    assertEquals(region.tryRead(target, 0), PAGE);
    assertEquals(region.tryRead(target, 2 * PAGE), 0);
    assertEquals(region.tryWrite(target, PAGE - 4), 4);
    assertEquals([...region.probe()], [1, 0, 0, 0, 0]);
  }
  for (const sharing of ["shared", "private"] as const) {
    using region = MmapRegion.anonymous(PAGE, { sharing });
    region.bytes.fill(1);
    region.protect("read");
    assertEquals(region.bytes[PAGE - 1], 1);
  }
  assertEquals(MmapRegion.guardState(), "unavailable");
  assertEquals(handlers(), before);
}

// Not by `repetitions()`, whose file turns the guard on.
const ROUNDS = IS_WINDOWS ? 100 : 1000;

/** By this process where it can be: it is faster. */
const cut = IS_WINDOWS ? truncate : Deno.truncateSync;

/** A region in use and one under protection: whether both got what they should. */
function round(path: string, seed: number): boolean {
  const region = MmapRegion.open(path, { access: "read-write" });
  const stray = MmapRegion.anonymous(2 * PAGE, { sharing: "private" });
  stray.protect("none");
  cut(path, 0);
  const at = seed % 3 * PAGE;
  const zero = region.bytes[at];
  region.bytes[at] = 1;
  stray.bytes[seed % 2 * PAGE] = 1;
  const result = zero === 0 && region.bytes[at] === 1 && region.faults === 1 && stray.faults === 1;
  if (seed % 5 === 0) region.repair();
  Deno.truncateSync(path, 3 * PAGE);
  if (seed % 7 === 0) region.resize(3 * PAGE - 1);
  region.close();
  stray.close();
  return result;
}

await act({
  turnOn(dir: string): void {
    const before = handlers();
    assertEquals(MmapRegion.guardState(), "off");
    const path = makeFile(dir, PAGE);
    assertEquals(handlers(), before);
    // Also one without a guard: who looks at it when it is closed meets zeros.
    MmapRegion.open(path, { guard: false }).close();
    const installed = handlers();
    assertEquals(MmapRegion.guardState(), "on");
    assertEquals(installed[0], installed[1]);
    assert(!before.includes(installed[0]!));
    for (let i = 0; i < 3; i++) MmapRegion.open(path).close();
    assertEquals([MmapRegion.guardState(), ...handlers()], ["on", ...installed]);
  },

  async installOnce(): Promise<void> {
    const gate = new SharedArrayBuffer(4);
    // All of them install at once, before the main thread does.
    const workers = Array.from(
      { length: 6 },
      () => startWorker(import.meta.url, "installTogether"),
    );
    for (const { worker } of workers) worker.postMessage(gate);
    const answers = await Promise.all(workers.map(({ next }) => next()));
    const address = answers[0][1];
    assertEquals(answers, answers.map(() => ["on", address]));
    assertEquals(MmapRegion.guardState(), "off"); // each isolate speaks for itself
    const { words } = guardTable()!;
    assertEquals(
      addressOf(new Uint8Array(words.buffer as ArrayBuffer)),
      address,
    );
    assertEquals(handlers(), Array(2).fill(address - 65536n + 64n));
    for (const { worker } of workers) worker.terminate();
  },

  async runRounds(dir: string): Promise<void> {
    const workers = [0, 1, 2].map((id) =>
      startWorker(import.meta.url, "runAlone", makeFile(dir, 3 * PAGE, `w${id}`))
    );
    const path = makeFile(dir, 3 * PAGE);
    for (let i = 0; i < ROUNDS; i++) assert(round(path, i));
    for (const { next, worker } of workers) {
      assertEquals(await next(), 0);
      worker.terminate();
    }
    assertEquals(handlers(), Array(2).fill(BigInt(guardTable()!.address - TABLE_OFFSET + 64)));
  },

  async refuseMprotect(dir: string): Promise<void> {
    const refused: number[] = [];
    if (IS_WINDOWS) {
      const { VirtualProtect } = windows();
      patchWindows({
        VirtualProtect(pointer, byteLength, protection, before): number {
          if (protection !== PAGE_EXECUTE_READ) {
            return VirtualProtect(pointer, byteLength, protection, before);
          }
          refused.push(protection);
          return lastError[0] = ERROR_ACCESS_DENIED, 0;
        },
      });
      await useWithoutGuard(dir);
      return assertEquals(refused.length, 1);
    }
    const { mprotect } = libc();
    patchLibc({
      mprotect: (pointer, byteLength, protection) => {
        if ((protection & C.PROT_EXEC) === 0) return mprotect(pointer, byteLength, protection);
        refused.push(protection);
        // Fails, and leaves an errno.
        return mprotect(Deno.UnsafePointer.offset(pointer!, 1), byteLength, 1);
      },
    });
    await useWithoutGuard(dir);
    assertEquals(refused.length, 1); // and is not asked again
  },

  async refuseSigaction(dir: string): Promise<void> {
    if (IS_WINDOWS) {
      const AddVectoredExceptionHandler = () => (lastError[0] = ERROR_ACCESS_DENIED, null);
      patchWindows({ AddVectoredExceptionHandler });
    } else patchLibc({ sigaction: () => -1 });
    await useWithoutGuard(dir);
  },

  async denyExecution(dir: string): Promise<void> {
    const { prctl } = Deno.dlopen("libc.so.6", {
      prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
    }).symbols;
    const PR_SET_MDWE = 65, MDWE_REFUSE_EXEC_GAIN = 1n;
    assertEquals(prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0n, 0n, 0n), 0);
    await useWithoutGuard(dir);
    // It was the kernel that refused.
    const address = C.mmap(null, PAGE, 3, C.MAP_PRIVATE | C.MAP_ANONYMOUS, -1, 0);
    assertThrows(() => C.mprotect(address, PAGE, 5), Deno.errors.PermissionDenied);
  },

  /** On macOS. */
  keepPrivateCopies(dir: string): void {
    patchLibc({ sigaction: () => -1 });
    const path = makeFile(dir, 4 * PAGE);
    using region = MmapRegion.open(path, { access: "copy-on-write" });
    assertEquals(MmapRegion.guardState(), "unavailable");
    region.bytes[0] = 9;
    truncate(path, PAGE);
    region.bytes[2 * PAGE] = 7;
    assertEquals([...region.bytes.subarray(2 * PAGE, 2 * PAGE + 2), region.bytes[0]], [7, 0, 9]);
    assertEquals(region.faults, 0);
    truncate(path, 600 * PAGE);
    region.resize(600 * PAGE); // elsewhere, and by other calls
    truncate(path, PAGE);
    assertEquals([region.bytes[599 * PAGE], region.bytes[0]], [0, 9]);
  },

  /** In a Worker: installs the guard once all are there; tells where its table is. */
  async installTogether(): Promise<void> {
    const flag = await new Promise<Int32Array>((resolve) => {
      scope.onmessage = ({ data }) => resolve(new Int32Array(data));
    });
    Atomics.add(flag, 0, 1);
    while (Atomics.load(flag, 0) < 6);
    const { words } = guardTable()!;
    scope.postMessage([
      MmapRegion.guardState(),
      addressOf(new Uint8Array(words.buffer as ArrayBuffer)),
    ]);
  },

  /** In a Worker: tells how many rounds went wrong. */
  runAlone(path: string): void {
    let wrong = 0;
    for (let i = 0; i < ROUNDS; i++) if (!round(path, i)) wrong++;
    scope.postMessage(wrong);
  },
});
