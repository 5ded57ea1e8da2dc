/**
 * A real SharedArrayBuffer over a region: the region's object, mapped over the memory of a shared
 * `WebAssembly.Memory`. V8 owns those addresses and frees them itself once nothing references the
 * memory, so that it cannot dangle. This module only maps the object there and removes it.
 */

import { addressOfBytes, pointerFrom, type Range } from "../../ffi/memory.ts";
import { type MappedRange, MappingGuard } from "../mapping/guard.ts";
import { alignUp } from "../mapping/pages.ts";
import { system } from "../os/mod.ts";
import type { MapRequest } from "../os/system.ts";
import type { RegionBacking } from "./backing.ts";

/** WebAssembly counts memory in pages of its own. */
const WASM_PAGE = 65536;

/** The reach of 32-bit addresses, and V8's limit for 64-bit ones. */
const MEMORY32_BYTE_LENGTH = 2 ** 32;
const MEMORY64_BYTE_LENGTH = 2 ** 34;

/** The latest memory made for a region, and the region's length at that time. */
const latest = new WeakMap<RegionBacking, { memory: WebAssembly.Memory; byteLength: number }>();

/** A region that nobody closes stays open as long as this isolate references its memory. */
const regions = new WeakMap<object, RegionBacking>();

/** A region's object, mapped over a WebAssembly memory. */
class Overlay implements MappedRange {
  /**
   * Referenced so that V8 keeps the addresses until the object is removed from them. This is not
   * the memory's own buffer: that one keeps the region open, and the region's finalizer references
   * this.
   */
  readonly addresses: ArrayBufferLike;
  readonly range: Range;
  readonly request: MapRequest;
  guard: MappingGuard | undefined;
  mixed = false; // only regions can be protected
  #faults = 0;

  constructor(memory: WebAssembly.Memory, byteLength: number, request: MapRequest) {
    this.addresses = structuredClone(memory.buffer);
    const pointer = pointerFrom(addressOfBytes(new Uint8Array(memory.buffer)))!;
    this.range = { pointer, byteLength: alignUp(byteLength, system().memory.pageSize()) };
    this.request = request;
    system().memory.replace(this.range, request);
    if (request.guarded) this.guard = MappingGuard.takeBorrowed(this.range, request);
  }

  get faults(): number {
    return this.guard?.faults ?? this.#faults;
  }

  /** Replaces the object by zero pages. */
  withdraw(): void {
    if (this.guard === undefined) system().memory.replaceByZeros(this.range);
    else this.#faults = this.guard.freeToZeros(this.range);
    this.guard = undefined;
  }
}

/**
 * The memory over a region; the same one at each call until the region is resized.
 *
 * @throws {Deno.errors.NotSupported} If the region is private, or of a character device.
 * @throws {RangeError} If it begins inside a page or is larger than 16 GiB.
 */
export function wasmMemoryOf(backing: RegionBacking): WebAssembly.Memory {
  const { request } = backing.live("share region");
  const { byteLength } = backing;
  const known = latest.get(backing);
  if (known?.byteLength === byteLength) return known.memory;
  checkShareable(backing);
  const memory = makeMemory(byteLength);
  const overlay = new Overlay(memory, byteLength, request);
  backing.addOverlay(overlay);
  backing.onClose(() => overlay.withdraw());
  latest.set(backing, { memory, byteLength });
  for (const holder of [memory, memory.buffer]) regions.set(holder, backing);
  return memory;
}

function checkShareable(backing: RegionBacking): void {
  system().memory.checkOverlays?.("share region as a SharedArrayBuffer");
  if (backing.attributes.sharing === "private") {
    throw new Deno.errors.NotSupported(
      `Cannot share region as a SharedArrayBuffer: private memory cannot be mapped a second time`,
    );
  }
  if (backing.live("share region").request.single) {
    throw new Deno.errors.NotSupported(
      `Cannot share region as a SharedArrayBuffer: it maps a device, and a second mapping of ` +
        `it may be other memory`,
    );
  }
  if (backing.live("share region").request.pageSize !== system().memory.pageSize()) {
    throw new Deno.errors.NotSupported(
      `Cannot share region as a SharedArrayBuffer: its file is made of huge pages`,
    );
  }
  if (backing.pageOffset !== 0) {
    throw new RangeError(
      `Cannot share region as its byteOffset must be a multiple of the page size ${system().memory.pageSize()}: ` +
        `received ${backing.attributes.byteOffset}`,
    );
  }
  if (backing.byteLength > MEMORY64_BYTE_LENGTH) {
    throw new RangeError(
      `Cannot share region as a SharedArrayBuffer over it must have at most ` +
        `${MEMORY64_BYTE_LENGTH} bytes: received ${backing.byteLength}`,
    );
  }
}

function makeMemory(byteLength: number): WebAssembly.Memory {
  const pages = Math.ceil(byteLength / WASM_PAGE);
  if (byteLength <= MEMORY32_BYTE_LENGTH) {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  }
  // 64-bit memories take their limits as bigints, which the types do not know yet.
  const limits = { address: "i64", initial: BigInt(pages), maximum: BigInt(pages), shared: true };
  return new WebAssembly.Memory(limits as unknown as WebAssembly.MemoryDescriptor);
}
