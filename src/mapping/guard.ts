/** A mapping's part in the fault guard: its slot, and what it absorbed since it was last healed. */

import { guardTable } from "../../ffi/guard/guard.ts";
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
  /** Whether parts of it may have been given another protection than the request's. */
  mixed: boolean;
}

/** Guards one mapping, from its `mmap` to its `munmap`. */
export class MappingGuard {
  /** Where the table has it. */
  readonly slot: GuardSlot;
  readonly #borrowed: boolean;
  #healedAt = 0;

  private constructor(slot: GuardSlot, borrowed: boolean) {
    this.slot = slot;
    this.#borrowed = borrowed;
  }

  /**
   * Undefined where there is no guard.
   *
   * @param slot the mapping's slot, if it has one
   * @throws {Error} If no slot is left.
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

  /** Where the first fault since the last healing was, counted from the mapping's beginning. */
  get firstFault(): number {
    return this.slot.firstFault ?? 0;
  }

  /** Every page was mapped from its object again, after so many faults of its life. */
  healed(faults: number): void {
    this.#healedAt = faults;
    if (!this.cutOff) this.slot.clearFaults();
  }

  /** Stops guarding while the range changes. */
  suspend(): void {
    this.slot.end();
  }

  /** Guards the range that the mapping has now. */
  resume({ pointer, byteLength }: Range, request: MapRequest): void {
    const start = addressOf(pointer);
    this.slot.begin({
      start,
      end: start + BigInt(alignUp(byteLength, request.pageSize)),
      fd: copiedFrom(request),
      fileOffset: BigInt(request.fileOffset),
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
    // Guarded until the zeros are there, so that nobody meets a missing page in between. And alone:
    // a handler that has not seen them would put a page of the object in their place.
    this.slot.alone(() => system().memory.replaceByZeros(range));
    return this.free();
  }

  /** Changes mappings of the range while no handler does. */
  alone(change: () => void): void {
    this.slot.alone(change);
  }

  /** Ends for good, before the range is unmapped. @returns the faults of the mapping's life */
  free(): number {
    return this.slot.free();
  }
}

/**
 * The object of which a forbidden write gets a private copy; -1 if the page just gets its rights
 * back: private memory is a copy already, and what only this mapping has cannot be mapped again. It
 * can only be so if this mapping may write to it.
 */
function copiedFrom({ object, sharing, protection, single }: MapRequest): number {
  const writable = protection.startsWith("read-write");
  return sharing === "private" || single && writable ? -1 : object ?? -1;
}
