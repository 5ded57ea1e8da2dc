/** The fault guard of one mapping: its slot, and the faults since it was last healed. */

import { guardTable } from "../../ffi/guard/guard.ts";
import { LOSS } from "../../ffi/guard/layout.ts";
import type { GuardSlot } from "../../ffi/guard/slot.ts";
import { addressOf, type Range } from "../../ffi/memory.ts";
import { alignUp } from "./pages.ts";
import { system } from "../os/mod.ts";
import type { MapRequest } from "../os/system.ts";

/** A range of addresses, what is mapped there, and its guard if it has one. */
export interface MappedRange {
  readonly range: Range;
  readonly request: MapRequest;
  readonly guard: MappingGuard | undefined;
  /** Whether parts of it may have another protection than the request's. */
  mixed: boolean;
}

/** Guards one mapping, from its `mmap` to its `munmap`. */
export class MappingGuard {
  /** Its slot in the process's table. */
  readonly slot: GuardSlot;
  readonly #borrowed: boolean;
  #healedAt = 0;

  private constructor(slot: GuardSlot, borrowed: boolean) {
    this.slot = slot;
    this.#borrowed = borrowed;
  }

  /**
   * Takes a slot for a mapping. Returns undefined if there is no guard.
   *
   * @param slot the mapping's slot, if it has one
   * @throws {Error} If all slots are taken.
   */
  static take(range: Range, request: MapRequest, slot?: GuardSlot): MappingGuard | undefined {
    const table = guardTable();
    if (table === undefined) return undefined;
    const guard = new MappingGuard(slot ?? table.take(), false);
    guard.resume(range, request);
    return guard;
  }

  /** As {@linkcode take}, for addresses that are V8's; it must be a shared mapping. */
  static takeBorrowed(range: Range, request: MapRequest): MappingGuard | undefined {
    const table = guardTable();
    if (table === undefined) return undefined;
    const guard = new MappingGuard(table.take(), true);
    guard.resume(range, request);
    return guard;
  }

  /** Faults absorbed in this mapping's life. */
  get faults(): number {
    return this.slot.faults;
  }

  /** Whether a page is cut off from its object. */
  get cutOff(): boolean {
    return this.slot.faults !== this.#healedAt;
  }

  /** Whether an access was absorbed that the protection forbids, since every page was healed. */
  get strayed(): boolean {
    const { slot } = this;
    if (slot.faultless) return false;
    // Each page that was lost counts as a fault, and before that as a loss.
    return slot.faults - this.#healedAt > Math.trunc((slot.losses >>> 0) / LOSS);
  }

  /**
   * The position of the first fault since the last healing, counted from the mapping's beginning.
   */
  get firstFault(): number {
    return this.slot.firstFault ?? 0;
  }

  /** Records that every page was mapped from its object again, after so many faults in its life. */
  healed(faults: number): void {
    this.#healedAt = faults;
    if (!this.cutOff) this.slot.clearFaults();
  }

  /** Stops guarding while the range changes. */
  suspend(): void {
    this.slot.end();
  }

  /** Guards the range that the mapping has now. */
  resume(range: Range, request: MapRequest): void {
    const { pointer, byteLength } = range;
    const start = addressOf(pointer);
    const { object, byteOffset } = sourceOf(range, request);
    this.slot.begin({
      start,
      end: start + BigInt(alignUp(byteLength, request.pageSize)),
      fd: object,
      fileOffset: BigInt(byteOffset),
      pageSize: BigInt(request.pageSize),
      borrowed: this.#borrowed,
    });
  }

  /**
   * Ends for good, on a range that others may still touch: puts zero pages in its place.
   *
   * @returns the faults of the mapping's life
   */
  freeToZeros(range: Range): number {
    // The range stays guarded until the zeros are there, so that nobody meets a missing page in
    // between. No handler may run meanwhile: it could replace the zeros by a page of the object.
    this.slot.alone(() => system().memory.replaceByZeros(range));
    return this.free();
  }

  /** Changes mappings of the range while no handler does. */
  alone(change: () => void): void {
    this.slot.alone(change);
  }

  /** Has the handler map from what the range is mapped from now. Only within `alone`. */
  renewSource(range: Range, request: MapRequest): void {
    const { object, byteOffset } = sourceOf(range, request);
    this.slot.setSource(object, BigInt(byteOffset));
  }

  /** Ends for good, before the range is unmapped. @returns the faults of the mapping's life */
  free(): number {
    return this.slot.free();
  }
}

function sourceOf(range: Range, request: MapRequest): { object: number; byteOffset: number } {
  return system().memory.guardSource?.(range, request) ??
    { object: copiedFrom(request), byteOffset: request.fileOffset };
}

/**
 * The object whose page a forbidden write copies; -1 if the page just gets its rights back. That is
 * so for private memory, which is a copy already, and for memory that cannot be mapped a second
 * time. The rights come back only if this mapping may write at all.
 */
function copiedFrom({ object, sharing, protection, single }: MapRequest): number {
  const writable = protection.startsWith("read-write");
  return sharing === "private" || single && writable ? -1 : object ?? -1;
}
