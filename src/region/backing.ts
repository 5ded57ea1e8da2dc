/** What a region consists of, behind its public class. */

import { isDetached } from "../../ffi/memory.ts";
import { MappingFaultError, strayText } from "../mapping/fault_error.ts";
import { hasLost } from "../mapping/loss.ts";
import type { MappedRange } from "../mapping/guard.ts";
import { Mapping } from "../mapping/mapping.ts";
import type { MapRequest, OpenObject } from "../os/system.ts";
import { repairMapping, restoreMapping } from "../mapping/repair.ts";
import { type ByteRange, resolveRange } from "../check/range.ts";
import { type Span, widen } from "../mapping/pages.ts";
import type { Window } from "../mapping/views.ts";
import type { Access, RegionHandle } from "../object/handle.ts";

/** The attributes of a region, which never change. */
export interface RegionAttributes {
  readonly kind: RegionHandle["kind"];
  readonly access: Access;
  readonly sharing: "shared" | "private";
  /** The offset in the object where the region begins, in bytes. */
  readonly byteOffset: number;
  /** The region's object; undefined for private memory without one. */
  readonly object: OpenObject | undefined;
  /** Whether `resize` reserves the blocks of what it adds to a file. */
  readonly allocate: boolean;
  /** Whether the object may be resized. */
  readonly sizable: boolean;
  /** The most that an attached region may do. */
  readonly grant: Access;
  /** The label of private anonymous memory. */
  readonly label: string;
  /** Whether faults are absorbed. */
  readonly guard: boolean;
  readonly onStrayWrite: "ignore" | "warn" | "throw";
  /** Whether the mapping is longer than the region, so that it can grow without moving. */
  readonly reserved: boolean;
  /** The name of a shared memory object; "" if it has none. */
  readonly name: string;
}

/** A mapping, the region's position in it, and the object that it maps. */
export class RegionBacking {
  readonly attributes: RegionAttributes;
  /** The length, from the region's beginning, that is known to contain no holes of the object. */
  filled = 0;
  /** The distance of the region's beginning from the page boundary where the mapping begins. */
  readonly pageOffset: number;
  /** Shared with the mapping, which must not reference the region itself. */
  readonly #endCallbacks: EndCallbacks = { first: [], last: [] };
  /** The operations that have to end before the region does; most regions never have one. */
  #underWay: Set<() => void> | undefined;
  /** Further mappings of the object for this region. */
  readonly #overlays: (MappedRange & { readonly faults: number })[] = [];
  /** The region's length; 0 once it is closed. */
  byteLength: number;
  #mapping: Mapping | undefined;
  #closedMapping: Mapping | undefined;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #lastFault: MappingFaultError | undefined;
  /** Whether nothing is to be told of stray writes any more. */
  #told: boolean;

  /**
   * Maps the object. The backing owns the object then; if mapping fails, it does not.
   *
   * @param byteLength the region's length; the rest of the requested range is kept in reserve
   * @throws the system error of `mmap`
   */
  constructor(
    attributes: RegionAttributes,
    request: MapRequest,
    pageOffset: number,
    byteLength: number,
  ) {
    this.attributes = attributes;
    this.#told = attributes.onStrayWrite === "ignore";
    this.pageOffset = pageOffset;
    this.byteLength = byteLength;
    const endCallbacks = this.#endCallbacks;
    this.#mapping = new Mapping(request, attributes.object, () => {
      callAll(endCallbacks.first, true);
      callAll(endCallbacks.last, true);
    });
  }

  /**
   * Registers `end` to run when the region is about to be closed, while it can still be used. The
   * registration keeps the region from being collected.
   *
   * @param end must not throw
   * @returns a function that cancels the registration
   */
  beforeClose(end: () => void): () => void {
    (this.#underWay ??= new Set()).add(end);
    return () => this.#underWay!.delete(end);
  }

  /**
   * Registers what to do when the region is closed or collected; `callback` must not reference the
   * region.
   */
  onClose(callback: () => void): void {
    this.#endCallbacks.first.push(callback);
  }

  /**
   * As {@linkcode onClose}, but after everything else, when nobody here can write to the region any
   * more.
   */
  onceClosed(callback: EndCallback): void {
    this.#endCallbacks.last.push(callback);
  }

  /** Includes a further mapping of the object in the region's checks and repairs. */
  addOverlay(overlay: MappedRange & { readonly faults: number }): void {
    this.#overlays.push(overlay);
  }

  get closed(): boolean {
    return this.#mapping === undefined;
  }

  /** Faults that the guard has absorbed in the region's life. */
  get faults(): number {
    const mapping = this.#mapping ?? this.#closedMapping;
    return this.#overlays.reduce((sum, { faults }) => sum + faults, mapping?.faults ?? 0);
  }

  /** As `faults`, for a caller who learns of stray writes by it. */
  countFaults(): number {
    this.#told ||= this.#strayed;
    return this.faults;
  }

  /** Whether there were stray writes. */
  get #strayed(): boolean {
    return this.#mapping?.guard?.strayed === true ||
      this.#overlays.length > 0 && this.#overlays.some(({ guard }) => guard?.strayed);
  }

  /**
   * For the methods of a region: tells of stray writes, once.
   *
   * @throws {MappingFaultError} If `onStrayWrite` is "throw".
   */
  used(): this {
    // Nearly always this is all: it costs a view, the quickest method, a tenth to a third.
    const isFaultless = this.#mapping?.guard?.faultsHalf[0] === 0 && this.#overlays.length === 0;
    if (!this.#told && !isFaultless) this.#lookForStrays();
    return this;
  }

  #lookForStrays(): void {
    if (!this.#strayed) return;
    if (this.attributes.onStrayWrite === "throw") this.check(this.live("use region"));
    console.warn(this.#tell());
  }

  /** What is to be told of stray writes; from now on, nothing more is. */
  #tell(): string {
    this.#told = true;
    const { request, mixed } = this.live("use region");
    return strayText(request.subject ?? "", this.attributes, mixed);
  }

  /**
   * Throws if a page is cut off. A call that continues after `close` may use it while it pins the
   * mapping.
   *
   * @throws {MappingFaultError} If a page is cut off from its object, or was when the region was
   * closed.
   */
  check(mapping: Mapping): void {
    const fault = this.#fault(mapping) ?? this.#lastFault;
    if (fault === undefined) return;
    this.#told ||= this.#strayed;
    throw fault;
  }

  #fault(mapping: Mapping): MappingFaultError | undefined {
    const hurt = [mapping, ...this.#overlays].find(({ guard }) => guard?.cutOff);
    return hurt && this.#faultOf(hurt);
  }

  #faultOf({ request, guard, mixed }: MappedRange): MappingFaultError {
    const path = request.subject ?? "";
    const byteOffset = Math.max(0, guard!.firstFault - this.pageOffset);
    const hint = guard!.strayed ? `. ${strayText(path, this.attributes, mixed)}` : "";
    return new MappingFaultError({ path, byteOffset, faults: this.faults }, hint);
  }

  /**
   * The error for a lost page in a range; undefined if no page is lost, or the region is closed.
   */
  lossIn({ byteOffset, byteLength }: Span): MappingFaultError | undefined {
    const mapping = this.#mapping;
    if (mapping === undefined) return undefined;
    const isLost = hasLost(mapping, { byteOffset: this.pageOffset + byteOffset, byteLength });
    return isLost ? this.#faultOf(mapping) : undefined;
  }

  /**
   * Registers what to do before pages are mapped from the object again, since whoever has lost them
   * must learn of it.
   */
  beforeHealing(note: () => void): void {
    this.#beforeHealing = note;
  }

  #beforeHealing = (): void => {};

  /** Must be called before pages of the region itself are mapped from the object again. */
  healing(): void {
    if (this.#mapping?.guard?.cutOff) this.#beforeHealing();
  }

  /** Maps the true object again wherever a page is cut off from it. */
  repair(mapping: Mapping): void {
    this.healing();
    for (const mapped of [mapping, ...this.#overlays]) restoreMapping(mapped);
  }

  /** As {@linkcode repair}, for the further mappings. */
  repairOverlays(): void {
    for (const overlay of this.#overlays) if (overlay.guard?.cutOff) repairMapping(overlay);
  }

  /** Records a new length, which fits into the mapping. */
  setByteLength(byteLength: number): void {
    this.byteLength = byteLength;
    this.filled = Math.min(this.filled, byteLength);
  }

  /** @throws {Deno.errors.BadResource} If the region is closed. */
  live(action: string): Mapping {
    if (this.#mapping !== undefined) return this.#mapping;
    throw new Deno.errors.BadResource(`Cannot ${action}: the region is closed`);
  }

  /**
   * The window for users' views.
   *
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  window(action: string): Window {
    const { buffer } = this.live(action);
    checkPresent(buffer, action);
    return { buffer, byteOffset: this.pageOffset, byteLength: this.byteLength };
  }

  /**
   * The window for this module's own views, which users never get.
   *
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  ownWindow(action: string): Window {
    const { ownBuffer } = this.live(action);
    return { buffer: ownBuffer, byteOffset: this.pageOffset, byteLength: this.byteLength };
  }

  /** The one Uint8Array over the whole region, until it is resized or closed. */
  bytes(): Uint8Array<ArrayBuffer> {
    const { buffer } = this.live("view region");
    if (this.#bytes?.buffer !== buffer || this.#bytes.byteLength !== this.byteLength) {
      checkPresent(buffer, "view region");
      this.#bytes = new Uint8Array(buffer, this.pageOffset, this.byteLength);
    }
    return this.#bytes!;
  }

  /**
   * A range of the region as a span of the mapping.
   *
   * @throws {RangeError} If it lies outside of the region.
   */
  span(range: ByteRange, action: string): Span {
    const { byteOffset, byteLength } = resolveRange(range, this.byteLength, action);
    return { byteOffset: this.pageOffset + byteOffset, byteLength };
  }

  /** As {@linkcode span}, widened to whole pages. */
  pages(range: ByteRange, action: string): Span {
    return widen(this.span(range, action), this.live(action).request.pageSize);
  }

  /** Unmaps, and gives the object back to the caller of the constructor. */
  abandon(): void {
    this.#leave()?.closeWithoutObject();
    callAll(this.#endCallbacks.last, false);
  }

  /** Closing twice is silent. */
  close(): void {
    const untold = !this.#told && this.#strayed ? this.#tell() : undefined;
    this.#leave()?.close();
    callAll(this.#endCallbacks.last, false);
    if (untold !== undefined) console.warn(untold);
  }

  #leave(): Mapping | undefined {
    const mapping = this.#mapping;
    if (mapping === undefined) return undefined;
    this.#underWay?.forEach((end) => end());
    this.#closedMapping = mapping;
    this.#mapping = undefined;
    this.byteLength = 0;
    this.#bytes = undefined;
    // A call that continues cannot use the guards of the further mappings any more.
    if (mapping.pinned) this.#lastFault = this.#fault(mapping);
    // These run at once, even if a call on another thread keeps the mapping for a while.
    callAll(this.#endCallbacks.first, false);
    return mapping;
  }
}

/** What to do at a region's end: before its buffers are detached, and after. */
interface EndCallbacks {
  readonly first: EndCallback[];
  readonly last: EndCallback[];
}

/** @param forgotten whether nobody closed the region */
type EndCallback = (forgotten: boolean) => void;

function callAll(endCallbacks: EndCallback[], forgotten: boolean): void {
  while (endCallbacks.length > 0) endCallbacks.shift()!(forgotten);
}

/** @throws {TypeError} If the buffer was detached by anything but close(). */
function checkPresent(buffer: ArrayBuffer, action: string): void {
  if (!isDetached(buffer)) return;
  throw new TypeError(`Cannot ${action} as its buffer was transferred away`);
}
