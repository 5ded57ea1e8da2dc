/** What a region is made of, behind its public face. */

import { isDetached } from "../../ffi/memory.ts";
import { MappingFaultError } from "../mapping/fault_error.ts";
import { hasLost } from "../mapping/loss.ts";
import type { MappedRange } from "../mapping/guard.ts";
import { Mapping } from "../mapping/mapping.ts";
import type { MapRequest, OpenObject } from "../os/system.ts";
import { repairMapping, restoreMapping } from "../mapping/repair.ts";
import { type ByteRange, resolveRange } from "../check/range.ts";
import { type Span, widen } from "../mapping/pages.ts";
import type { Window } from "../mapping/views.ts";
import type { Access, RegionHandle } from "../object/handle.ts";

/** The facts of a region that do not change. */
export interface RegionFacts {
  readonly kind: RegionHandle["kind"];
  readonly access: Access;
  readonly sharing: "shared" | "private";
  /** Where in its object the region begins, in bytes. */
  readonly byteOffset: number;
  /** The region's own; undefined for private memory without one. */
  readonly object: OpenObject | undefined;
  /** Whether `resize` reserves the blocks of what it adds to a file. */
  readonly allocate: boolean;
  /** Whether the object may be given another size. */
  readonly sizable: boolean;
  /** What whoever attaches may do at most. */
  readonly grant: Access;
  /** The label of private anonymous memory. */
  readonly label: string;
  /** Whether faults are absorbed. */
  readonly guard: boolean;
  /** Whether the mapping is longer than the region, so that it can grow without moving. */
  readonly reserved: boolean;
  /** The name of a shared memory object; "" if it has none. */
  readonly name: string;
}

/** A mapping, the region's place in it, and the object that it is a mapping of. */
export class RegionCore {
  readonly facts: RegionFacts;
  /** How much of the region, from its beginning, is known not to be a hole of the object. */
  filled = 0;
  /** How far behind a page boundary, where the mapping begins, the region begins. */
  readonly lead: number;
  /** Shared with the mapping, which must not hold the region itself. */
  readonly #farewells: Farewells = { first: [], last: [] };
  /** What is to end before the region does. */
  readonly #underWay = new Set<() => void>();
  /** Further places where the object is mapped for this region. */
  readonly #overlays: (MappedRange & { readonly faults: number })[] = [];
  /** The region's length; 0 once it is closed. */
  byteLength: number;
  #mapping: Mapping | undefined;
  #closedMapping: Mapping | undefined;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #lastFault: MappingFaultError | undefined;

  /**
   * Maps the object. The core owns it from now on; if mapping fails, it does not.
   *
   * @param byteLength the region's length: what the request maps behind it is held in reserve
   * @throws the system error of `mmap`
   */
  constructor(facts: RegionFacts, request: MapRequest, lead: number, byteLength: number) {
    this.facts = facts;
    this.lead = lead;
    this.byteLength = byteLength;
    const farewells = this.#farewells;
    this.#mapping = new Mapping(request, facts.object, () => {
      sayAll(farewells.first, true);
      sayAll(farewells.last, true);
    });
  }

  /**
   * Has `end` run when the region is about to be closed, while it can still be used; what is under way
   * keeps it from being collected.
   *
   * @param end must not throw
   * @returns what calls that off
   */
  beforeClose(end: () => void): () => void {
    this.#underWay.add(end);
    return () => this.#underWay.delete(end);
  }

  /** What to do when the region is closed or collected; `farewell` must not hold the region. */
  onClose(farewell: () => void): void {
    this.#farewells.first.push(farewell);
  }

  /** As {@linkcode onClose}, after all else: when nobody here can write to the region any more. */
  onceClosed(farewell: Farewell): void {
    this.#farewells.last.push(farewell);
  }

  /** Makes a further mapping of the object part of the region's health. */
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

  /**
   * A call that goes on after `close` asks while it pins the mapping.
   *
   * @throws {MappingFaultError} If a page is cut off from its object, or was when it was closed.
   */
  check(mapping: Mapping): void {
    const fault = this.#fault(mapping) ?? this.#lastFault;
    if (fault !== undefined) throw fault;
  }

  #fault(mapping: Mapping): MappingFaultError | undefined {
    const hurt = [mapping, ...this.#overlays].find(({ guard }) => guard?.cutOff);
    return hurt && this.#faultOf(hurt);
  }

  #faultOf({ request, guard }: MappedRange): MappingFaultError {
    return new MappingFaultError({
      path: request.subject ?? "",
      byteOffset: Math.max(0, guard!.firstFault - this.lead),
      faults: this.faults,
    });
  }

  /** The error for a range of which a page is lost; undefined if none is, or the region is closed. */
  lossIn({ byteOffset, byteLength }: Span): MappingFaultError | undefined {
    const mapping = this.#mapping;
    if (mapping === undefined) return undefined;
    const isLost = hasLost(mapping, { byteOffset: this.lead + byteOffset, byteLength });
    return isLost ? this.#faultOf(mapping) : undefined;
  }

  /** What to do before pages are mapped from the object again: who had lost them must know. */
  beforeHealing(note: () => void): void {
    this.#beforeHealing = note;
  }

  #beforeHealing = (): void => {};

  /** To be called before the pages of the region itself are mapped from the object again. */
  healing(): void {
    if (this.#mapping?.guard?.cutOff) this.#beforeHealing();
  }

  /** Maps the true object again wherever a page is cut off from it. */
  repair(mapping: Mapping): void {
    this.healing();
    for (const mapped of [mapping, ...this.#overlays]) restoreMapping(mapped);
  }

  /** As {@linkcode repair}, of the further mappings that are cut off. */
  repairOverlays(): void {
    for (const overlay of this.#overlays) if (overlay.guard?.cutOff) repairMapping(overlay);
  }

  /** Takes note of another length, which lies within the mapping. */
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
   * For users' views.
   *
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  window(action: string): Window {
    const { buffer } = this.live(action);
    checkPresent(buffer, action);
    return { buffer, byteOffset: this.lead, byteLength: this.byteLength };
  }

  /**
   * For this module's own views, which it gives to nobody.
   *
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  ownWindow(action: string): Window {
    const { ownBuffer } = this.live(action);
    return { buffer: ownBuffer, byteOffset: this.lead, byteLength: this.byteLength };
  }

  /** The one Uint8Array over the whole region, until it is resized or closed. */
  bytes(): Uint8Array<ArrayBuffer> {
    const { buffer } = this.live("view region");
    if (this.#bytes?.buffer !== buffer || this.#bytes.byteLength !== this.byteLength) {
      checkPresent(buffer, "view region");
      this.#bytes = new Uint8Array(buffer, this.lead, this.byteLength);
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
    return { byteOffset: this.lead + byteOffset, byteLength };
  }

  /** As {@linkcode span}, widened to whole pages. */
  pages(range: ByteRange, action: string): Span {
    return widen(this.span(range, action), this.live(action).request.pageSize);
  }

  /** Unmaps, and gives the object back to the caller of the constructor. */
  abandon(): void {
    this.#leave()?.closeWithoutObject();
    sayAll(this.#farewells.last, false);
  }

  /** Closing twice is silent. */
  close(): void {
    this.#leave()?.close();
    sayAll(this.#farewells.last, false);
  }

  #leave(): Mapping | undefined {
    const mapping = this.#mapping;
    if (mapping === undefined) return undefined;
    for (const end of this.#underWay) end();
    this.#closedMapping = mapping;
    this.#mapping = undefined;
    this.byteLength = 0;
    this.#bytes = undefined;
    // A call that goes on cannot ask the guards of the further mappings any more.
    if (mapping.pinned) this.#lastFault = this.#fault(mapping);
    // At once, even if a call on another thread keeps the mapping itself for a while.
    sayAll(this.#farewells.first, false);
    return mapping;
  }
}

/** What to do at a region's end: before its buffers are taken from their views, and after. */
interface Farewells {
  readonly first: Farewell[];
  readonly last: Farewell[];
}

/** @param forgotten whether nobody closed the region */
type Farewell = (forgotten: boolean) => void;

function sayAll(farewells: Farewell[], forgotten: boolean): void {
  for (const farewell of farewells.splice(0)) farewell(forgotten);
}

/** @throws {TypeError} If somebody has taken the buffer's bytes away, which close() alone may do. */
function checkPresent(buffer: ArrayBuffer, action: string): void {
  if (!isDetached(buffer)) return;
  throw new TypeError(`Cannot ${action} as its buffer was transferred away`);
}
