/** Raw pages by C's own calls, for tests of them. */

import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  mmap,
  mprotect,
  munmap,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from "@mmap/mmap/libc";
import { factOf } from "../ffi/platform.ts";
import { windows } from "../ffi/windows/library.ts";
import { system } from "../src/os/mod.ts";
import {
  areaAt,
  MEM_COMMIT,
  MEM_RESERVE,
  PAGE_EXECUTE_READ,
  PAGE_EXECUTE_READWRITE,
  PAGE_EXECUTE_WRITECOPY,
  PAGE_NOACCESS,
  PAGE_READONLY,
  PAGE_READWRITE,
  PAGE_WRITECOPY,
} from "../src/os/windows/allocations.ts";

const MEM_RELEASE = 0x8000;

/** The size of a page. */
export const PAGE = system().memory.pageSize();

/** Runs `body` with `count` private zero pages, and unmaps them whatever happened. */
export function withPages(count: number, body: (address: Deno.PointerObject) => void): void {
  const address = mmap(
    null,
    count * PAGE,
    PROT_READ | PROT_WRITE,
    MAP_PRIVATE | MAP_ANONYMOUS,
    -1,
    0,
  );
  try {
    body(address);
  } finally {
    munmap(address, count * PAGE);
  }
}

/** Private zero pages that are none of a region's; they stay until the process ends or `dropPages`. */
export function makePages(byteLength: number, rights: "r" | "rw" = "rw"): Deno.PointerObject {
  if (system().name === "windows") {
    const protection = rights === "r" ? PAGE_READONLY : PAGE_READWRITE;
    const { VirtualAlloc } = windows();
    return VirtualAlloc(null, BigInt(byteLength), MEM_RESERVE | MEM_COMMIT, protection)!;
  }
  const protection = PROT_READ | (rights === "r" ? 0 : PROT_WRITE);
  return mmap(null, byteLength, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/** Changes what such pages allow. */
export function allow(
  address: Deno.PointerObject,
  byteLength: number,
  rights: "---" | "rw-" | "r-x",
): void {
  if (system().name === "windows") {
    const protection = Object.keys(WINDOWS_RIGHTS).find((key) => WINDOWS_RIGHTS[+key] === rights);
    const before = new Uint8Array(4);
    windows().VirtualProtect(address, BigInt(byteLength), Number(protection), before);
  } else {
    const protections = {
      "---": PROT_NONE,
      "rw-": PROT_READ | PROT_WRITE,
      "r-x": PROT_READ | PROT_EXEC,
    };
    mprotect(address, byteLength, protections[rights]);
  }
}

/** Gives such pages back. */
export function dropPages(address: Deno.PointerObject, byteLength: number): void {
  if (system().name === "windows") windows().VirtualFree(address, 0n, MEM_RELEASE);
  else munmap(address, byteLength);
}

/** Places where the system puts nothing by itself. macOS maps nothing at all below 4 GiB. */
const UNUSED = factOf({ linux: 0x4000_0000n, darwin: 0x2000_0000_0000n });

/**
 * A page that stays free once it was given back. Tests
 * run in parallel threads of one process, which may get any other address at once.
 *
 * @param index a number of the test's own
 */
export function lowAddress(index: number): Deno.PointerObject {
  return Deno.UnsafePointer.create(UNUSED + BigInt(index) * 0x10_0000n)!;
}

/** The address `byteOffset` bytes further on. */
export function at(address: Deno.PointerObject, byteOffset: number): Deno.PointerObject {
  return Deno.UnsafePointer.offset(address, byteOffset)!;
}

/** The bytes at an address. Unsafe: they must stay mapped as long as they are used. */
export function bytesAt(
  address: Deno.PointerObject,
  byteLength: number,
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(address, byteLength));
}

/** What Windows' protections allow: those of copies, too. */
const WINDOWS_RIGHTS: Record<number, string> = {
  [PAGE_NOACCESS]: "---",
  [PAGE_READONLY]: "r--",
  [PAGE_READWRITE]: "rw-",
  [PAGE_WRITECOPY]: "rw-",
  [PAGE_EXECUTE_READ]: "r-x",
  [PAGE_EXECUTE_READWRITE]: "rwx",
  [PAGE_EXECUTE_WRITECOPY]: "rwx",
};

/**
 * The rights that the system shows for the mapping that holds an address: such as "rw-p" in
 * /proc/self/maps, and "rw-" on Windows.
 */
export function rightsAt(address: bigint): string | undefined {
  if (system().name === "windows") return WINDOWS_RIGHTS[areaAt(Number(address)).protection];
  for (const line of Deno.readTextFileSync("/proc/self/maps").split("\n")) {
    const [, start, end, rights] = line.match(/^([0-9a-f]+)-([0-9a-f]+) (\S+)/) ?? [];
    if (start === undefined) continue;
    if (address >= BigInt(`0x${start}`) && address < BigInt(`0x${end}`)) return rights;
  }
  return undefined;
}
