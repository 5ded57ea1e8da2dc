/** The engine collects whenever the module is about to use what it knows by its address. Needs --expose-gc. */

import { MmapRegion } from "@mmap/mmap";
import { libc } from "../../ffi/libc.ts";
import { windows } from "../../ffi/windows/library.ts";
import { system } from "../../src/os/mod.ts";
import { act } from "../_act.ts";
import { patchLibc } from "../_libc.ts";
import { patchWindows } from "../_windows_library.ts";

declare function gc(): void;

/** Of the length of the zeros that are copied at once. */
const PART = 65536;

/** Takes the places of what was collected. */
const others: Uint8Array[] = [];

function collect(): void {
  gc();
  for (let i = 0; i < 8; i++) others.push(new Uint8Array(PART).fill(1));
}

/** Calls `collect` before the call. */
function collecting<T extends unknown[], R>(call: (...args: T) => R): (...args: T) => R {
  return (...args) => {
    collect();
    return call(...args);
  };
}

function collectAtCopies(): void {
  if (system().name === "windows") {
    const { NtWriteVirtualMemory } = windows();
    return void patchWindows({ NtWriteVirtualMemory: collecting(NtWriteVirtualMemory) });
  }
  const { process_vm_writev, pwritev2 } = libc();
  patchLibc({
    process_vm_writev: process_vm_writev && collecting(process_vm_writev),
    pwritev2: pwritev2 && collecting(pwritev2),
  });
}

function countOthers(bytes: Uint8Array): number {
  return bytes.reduce((count, byte) => byte === 0 ? count : count + 1, 0);
}

/** Often enough that the engine has dropped what has no later use. */
const ROUNDS = 3;

await act({
  /** @returns how many bytes are not zero that must be */
  memory(): number {
    using region = MmapRegion.anonymous(16 * PART);
    const pointer = Deno.UnsafePointer.of(region.bytes as Uint8Array<ArrayBuffer>)!;
    let wrong = 0;
    collectAtCopies();
    for (let round = 0; round < ROUNDS; round++) {
      region.bytes.fill(1);
      system().memory.zero({ pointer, byteLength: region.byteLength });
      wrong += countOthers(region.bytes);
    }
    return wrong;
  },

  file(path: string): number {
    using region = MmapRegion.open(path, {
      access: "read-write",
      create: true,
      byteLength: 16 * PART,
    });
    region.bytes.fill(1);
    const { objects } = system();
    const object = objects.open(path, { writable: true });
    collectAtCopies();
    objects.cacheZeros!(object, 0, region.byteLength, PART);
    objects.close(object);
    return countOthers(region.bytes);
  },
});
