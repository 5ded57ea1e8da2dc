/** The part of a region that is about its memory, whatever it is a mapping of. */

import { plainBytes, pointerAt } from "../../ffi/memory.ts";
import { pageSize } from "../../ffi/page_size.ts";
import {
  type Advice,
  adviseSpan,
  checkAdvice,
  populateSpan,
  populateSpanOffThread,
} from "../mapping/advice.ts";
import { copyFromMapped, copyToMapped } from "../mapping/copy.ts";
import { discardSpan } from "../mapping/discard.ts";
import { type Durability, flushSpan, flushSpanOffThread } from "../mapping/durability.ts";
import { type ByteRange, optionalNumber, readRange, wholeNumber } from "../mapping/pages.ts";
import {
  checkProtection,
  lockSpan,
  type Protection,
  protectSpan,
  unlockSpan,
} from "../mapping/protection.ts";
import { probeSpan } from "../mapping/probe.ts";
import { type Residency, residencyOf } from "../mapping/residency.ts";
import {
  dataViewOf,
  readViewRequest,
  type TypedArrayConstructor,
  viewOf,
} from "../mapping/views.ts";
import type { Access } from "../object/handle.ts";
import { RegionCore } from "./core.ts";

/** The range of `flush`, and how far it goes. */
export interface FlushOptions extends ByteRange {
  /**
   * How far the changes must have got when the call returns.
   * @default {"data"}
   */
  durability?: Durability;
}

/** The core of a region, for the other files of this folder. */
export let coreOf: (memory: MappedMemory) => RegionCore;

/**
 * Mapped memory: its views, and what can be asked of its pages. {@linkcode MmapRegion} is the class
 * to use; this one only holds the members that do not depend on what the memory is a mapping of.
 *
 * Ranges are in bytes and count from the beginning of the region. After `close`, every member but
 * `access`, `sharing`, `closed` and `byteLength` throws `Deno.errors.BadResource`.
 */
export abstract class MappedMemory implements Disposable {
  readonly #core: RegionCore;

  static {
    coreOf = (memory) => memory.#core;
  }

  /** Regions are made by the static methods of {@linkcode MmapRegion}. */
  protected constructor(core: RegionCore) {
    if (!(core instanceof RegionCore)) throw new TypeError("Illegal constructor");
    this.#core = core;
  }

  /** What may be done with the memory. */
  get access(): Access {
    return this.#core.facts.access;
  }

  /** Whether writes are seen by whoever else maps the object (`MAP_SHARED`) or by nobody. */
  get sharing(): "shared" | "private" {
    return this.#core.facts.sharing;
  }

  /** The length of the region, in bytes; 0 once it is closed. */
  get byteLength(): number {
    return this.#core.byteLength;
  }

  /** Whether the region was closed. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /**
   * The one buffer of the mapping. It begins at a page boundary: where the region's `byteOffset` is
   * no multiple of the page size, some bytes before the region; see `bytes.byteOffset`.
   *
   * It is detached when the region is closed or resized.
   *
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  get buffer(): ArrayBuffer {
    return this.#core.live("view region").buffer;
  }

  /**
   * The whole region; the same object at each call until the region is resized.
   *
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#core.bytes();
  }

  /**
   * A typed array over a part of the region.
   *
   * @param type the constructor, such as `Float64Array`
   * @param byteOffset where it begins, default 0
   * @param length in elements, by default as many whole ones as there is room for
   * @throws {RangeError} If it reaches beyond the region, or begins at an address that the element
   * size does not divide.
   * @throws {TypeError} If `type` is no typed array's constructor.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  view<T>(type: TypedArrayConstructor<T>, byteOffset?: number, length?: number): T {
    const request = readViewRequest(type, byteOffset, length);
    return viewOf(type, request, this.#core.window("view region"));
  }

  /**
   * A DataView over a part of the region: any offset, either byte order.
   *
   * @param byteOffset where it begins, default 0
   * @param byteLength by default to the end of the region
   * @throws {RangeError} If it reaches beyond the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  dataView(byteOffset?: number, byteLength?: number): DataView<ArrayBuffer> {
    const offset = optionalNumber(byteOffset, "byteOffset", "view region") ?? 0;
    const length = optionalNumber(byteLength, "byteLength", "view region");
    return dataViewOf(offset, length, this.#core.window("view region"));
  }

  /**
   * Writes changes back to the file and waits (`msync`). No other process needs this to see them,
   * and a crash of this process does not lose them: it is for a crash of the machine.
   *
   * @param options the range, widened to whole pages, and how far to go
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {MappingFaultError} If a page is cut off from its file; what is left of the range was
   * written all the same.
   * @throws {Error} EIO, ENOSPC, EDQUOT: the data could not be written.
   */
  flushSync(options?: FlushOptions): void {
    const range = readRange(options, "flush region");
    const durability = checkDurability(options?.durability);
    const mapping = this.#core.live("flush region");
    const span = this.#core.pages(range, "flush region");
    flushSpan(mapping, span, durability, this.#core.facts.fd);
    this.#core.check(mapping);
  }

  /** As {@linkcode flushSync}, without blocking the event loop. */
  async flush(options?: FlushOptions): Promise<void> {
    const range = readRange(options, "flush region");
    const durability = checkDurability(options?.durability);
    const mapping = this.#core.live("flush region");
    const span = this.#core.pages(range, "flush region");
    await flushSpanOffThread(mapping, span, durability, this.#core.facts.fd);
    this.#core.check(mapping);
  }

  /**
   * Tells the kernel how a range will be used (`madvise`).
   *
   * @param advice see {@linkcode Advice}; "dont-need" and "free" lose private changes
   * @param range widened to whole pages
   * @throws {TypeError} If there is no such advice; EINVAL: the kernel does not take it here.
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {Deno.errors.NotSupported} If the platform has no such advice.
   */
  advise(advice: Advice, range?: ByteRange): void {
    const checked = checkAdvice(advice);
    const given = readRange(range, "advise region");
    const mapping = this.#core.live("advise region");
    adviseSpan(mapping, this.#core.pages(given, "advise region"), checked);
  }

  /**
   * Faults pages in and waits, so that no later access has to (`MADV_POPULATE_*`).
   *
   * @param range widened to whole pages
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {Error} EFAULT: a page lies beyond the end of the file. ENOMEM.
   */
  populateSync(range?: ByteRange): void {
    const given = readRange(range, "populate region");
    const mapping = this.#core.live("populate region");
    populateSpan(mapping, this.#core.pages(given, "populate region"));
  }

  /** As {@linkcode populateSync}, without blocking the event loop. */
  async populate(range?: ByteRange): Promise<void> {
    const given = readRange(range, "populate region");
    const mapping = this.#core.live("populate region");
    await populateSpanOffThread(mapping, this.#core.pages(given, "populate region"));
  }

  /**
   * Changes what whole pages may be used for (`mprotect`). `resize` gives every page the region's
   * own access again.
   *
   * @param protection see {@linkcode Protection}
   * @param range of whole pages; the beginning and the end of the region count as page boundaries
   * @throws {RangeError} If the range lies outside of the region or cuts a page.
   * @throws {Deno.errors.PermissionDenied} EACCES: the file was opened without that right.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  protect(protection: Protection, range?: ByteRange): void {
    const checked = checkProtection(protection);
    const given = readRange(range, "protect region");
    const mapping = this.#core.live("protect region");
    const span = this.#core.span(given, "protect region");
    const end = span.byteOffset + span.byteLength;
    const cutsStart = span.byteOffset % pageSize() !== 0 && span.byteOffset !== this.#core.lead;
    const cutsEnd = end % pageSize() !== 0 && end !== mapping.byteLength;
    if (cutsStart || cutsEnd) {
      throw new RangeError(
        `Cannot protect region as the range must be whole pages of ${pageSize()} bytes: ` +
          `received byteOffset ${given.byteOffset ?? 0}, byteLength ${span.byteLength}`,
      );
    }
    if (this.#core.facts.guard) mapping.beginGuard();
    protectSpan(mapping, this.#core.pages(given, "protect region"), checked);
  }

  /**
   * Faults pages in and keeps them in memory (`mlock`).
   *
   * @param range widened to whole pages
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.WouldBlock} EAGAIN: some pages could not be locked.
   * @throws {Deno.errors.PermissionDenied} EPERM: locking is not allowed at all.
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {Error} ENOMEM: more than `ulimit -l` allows.
   */
  lock(range?: ByteRange): void {
    const given = readRange(range, "lock region");
    const mapping = this.#core.live("lock region");
    lockSpan(mapping, this.#core.pages(given, "lock region"));
  }

  /**
   * Undoes {@linkcode lock} (`munlock`).
   *
   * @param range widened to whole pages
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  unlock(range?: ByteRange): void {
    const given = readRange(range, "unlock region");
    const mapping = this.#core.live("unlock region");
    unlockSpan(mapping, this.#core.pages(given, "unlock region"));
  }

  /**
   * Which pages are in memory (`mincore`). Of a file that this user may neither write to nor owns,
   * Linux says that all are.
   *
   * @param range widened to whole pages
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  residency(range?: ByteRange): Residency {
    const given = readRange(range, "ask for residency");
    const mapping = this.#core.live("ask for residency");
    return residencyOf(mapping, this.#core.pages(given, "ask for residency"));
  }

  /**
   * Which pages can be read: asks the kernel to read one byte of each, which never faults.
   *
   * @param range widened to whole pages
   * @returns one byte for each page: 1 if it is there; 0 if it lies beyond the end of its file, or
   * is protected against reading
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  probe(range?: ByteRange): Uint8Array<ArrayBuffer> {
    const given = readRange(range, "probe region");
    const mapping = this.#core.live("probe region");
    return probeSpan(mapping, this.#core.pages(given, "probe region"));
  }

  /**
   * Zeroes exactly the bytes of a range, and gives back the memory or the file blocks of what it
   * covers wholly (`fallocate` with `FALLOC_FL_PUNCH_HOLE`, or `MADV_DONTNEED`).
   *
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.PermissionDenied} If the region has access "read".
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {Error} EFAULT: private memory that is protected against writing.
   */
  discard(range?: ByteRange): void {
    const given = readRange(range, "discard");
    const mapping = this.#core.live("discard");
    const span = this.#core.span(given, "discard");
    if (this.access === "read") {
      throw new Deno.errors.PermissionDenied(`Cannot discard: the region has access "read"`);
    }
    discardSpan(mapping, span);
  }

  /**
   * Copies out of the region without ever faulting (`process_vm_readv`).
   *
   * @param target how much to copy and where to
   * @param byteOffset where in the region to begin
   * @returns how many bytes were copied: fewer than asked for at the end of the region, or at a page
   * that is not there
   * @throws {TypeError} If `target` is no Uint8Array.
   * @throws {RangeError} If `byteOffset` lies beyond the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  tryRead(target: Uint8Array, byteOffset: number): number {
    const at = wholeNumber(byteOffset, "byteOffset", "read region");
    const bytes = plainBytes(target, "target", "read region");
    return this.#copy(copyFromMapped, bytes, at, "read region");
  }

  /**
   * Copies into the region without ever faulting (`process_vm_writev`).
   *
   * @param source what to copy
   * @param byteOffset where in the region to begin
   * @returns how many bytes were copied: fewer than asked for at the end of the region, or at a page
   * that is not there or cannot be written to
   * @throws {TypeError} If `source` is no Uint8Array.
   * @throws {RangeError} If `byteOffset` lies beyond the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  tryWrite(source: Uint8Array, byteOffset: number): number {
    const at = wholeNumber(byteOffset, "byteOffset", "write region");
    const bytes = plainBytes(source, "source", "write region");
    return this.#copy(copyToMapped, bytes, at, "write region");
  }

  #copy(copy: typeof copyFromMapped, bytes: Uint8Array, at: number, action: string): number {
    const mapping = this.#core.live(action);
    const room = this.byteLength - at;
    if (room < 0) {
      throw new RangeError(
        `Cannot ${action} as byteOffset must lie within ${this.byteLength} bytes: received ${at}`,
      );
    }
    return copy(pointerAt(mapping.pointer, this.#core.lead + at), bytes.subarray(0, room));
  }

  /**
   * Detaches all views and unmaps. Closing a closed region is silent.
   *
   * What was written to a shared mapping stays in its object. If the buffer was transferred away,
   * its memory turns into private zeros.
   */
  close(): void {
    this.#core.close();
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.#core.close();
  }
}

function checkDurability(durability: Durability | undefined): Durability {
  if (durability === undefined) return "data";
  if (durability === "memory" || durability === "data" || durability === "disk") return durability;
  throw new TypeError(
    `Cannot flush region as durability must be "memory", "data" or "disk": received "${durability}"`,
  );
}
