/**
 * Pages that a mapping has lost. They were replaced because the object could not provide them (it
 * was truncated, or its disk had an error) or could not take what was written (its disk was full).
 * A page that a forbidden write has copied is not lost.
 */

import { existingTable, processTable } from "../../ffi/guard/guard.ts";
import {
  LOSS,
  LOSS_ANYWHERE,
  LOSS_COPIED,
  LOSSES_BEGUN_HALF,
  LOSSES_DONE_HALF,
} from "../../ffi/guard/layout.ts";
import { addressOfBytes, pointerAt, pointerFrom, type Range } from "../../ffi/memory.ts";
import { system } from "../os/mod.ts";
import { MappingFaultError } from "./fault_error.ts";
import type { MappedRange } from "./guard.ts";
import { alignDown, type Span } from "./pages.ts";

/** The counts for memory that cannot be lost. */
const NO_LOSSES = new Int32Array(LOSSES_DONE_HALF + 1);

/** Watches over some memory. */
export class LossWatch {
  readonly #counts: Int32Array;
  readonly #find: () => MappingFaultError | undefined;
  readonly #onLoss: () => void;
  /** How many losses had begun when this memory was last found intact. */
  #seen: number;
  #lost = false;
  /**
   * Increases whenever the locks and roles held in this memory are given up; each holder records
   * the value that it began with.
   */
  epoch = 0;

  /**
   * @param counts of the process's table
   * @param find returns the error, if pages are lost now
   * @param onLoss gives up what is held there
   */
  constructor(
    counts: Int32Array = NO_LOSSES,
    find: () => MappingFaultError | undefined = () => undefined,
    onLoss: () => void = () => {},
  ) {
    this.#counts = counts;
    this.#seen = counts === NO_LOSSES ? 0 : -1;
    this.#find = find;
    this.#onLoss = onLoss;
  }

  /**
   * Must be called after the data were read or written: if it returns, that was the object's
   * memory. It costs one load as long as nothing is lost.
   *
   * @throws {MappingFaultError} As long as a page is lost.
   */
  check(): void {
    if (this.#counts[LOSSES_BEGUN_HALF] !== this.#seen) this.#lookAnew();
  }

  #lookAnew(): void {
    // In this order: if all losses that have begun are complete, no page is replaced while this
    // looks, or the count increases.
    const done = Atomics.load(this.#counts, LOSSES_DONE_HALF);
    const begun = Atomics.load(this.#counts, LOSSES_BEGUN_HALF);
    const fault = this.#find();
    this.#lost = fault !== undefined;
    if (fault !== undefined) {
      // This is called each time: the call that is about to fail may have taken a lock.
      this.#onLoss();
      throw fault;
    }
    if (begun === done) this.#seen = begun;
  }

  /** As {@linkcode check}, but returns false instead of throwing. */
  get intact(): boolean {
    return this.#counts[LOSSES_BEGUN_HALF] === this.#seen || this.look() === undefined;
  }

  /**
   * Looks at the pages themselves. If one is lost, what is held there is given up, unless that was
   * done already.
   */
  look(): MappingFaultError | undefined {
    const fault = this.#find();
    if (fault !== undefined && !this.#lost) this.#onLoss();
    this.#lost = fault !== undefined;
    return fault;
  }
}

/** Memory that cannot be lost. */
export const SOLID: LossWatch = new LossWatch();

/** The counts for the memory of a region. */
export function lossCounts(): Int32Array {
  return processTable()?.halves ?? NO_LOSSES;
}

/** Whether a page of a span is lost. */
export function hasLost({ range, request, guard }: MappedRange, span: Span): boolean {
  const losses = guard?.slot.losses ?? 0;
  if (losses >>> 0 < LOSS) return false;
  // Private memory without a file loses a page only to broken hardware, and the new page looks the
  // same.
  if ((losses & LOSS_ANYWHERE) !== 0 || request.object === undefined) return true;
  const isLost = request.sharing === "private" ? system().memory.isForeign : lostOf(losses);
  return somePage(range, span, request.pageSize, isLost);
}

/** The test that recognises a lost page of a shared mapping. */
function lostOf(losses: number): (page: Range) => boolean {
  const { memory } = system();
  return (losses & LOSS_COPIED) === 0 ? memory.isAnonymous : memory.isPrivate;
}

function somePage(
  { pointer, byteLength }: Range,
  span: Span,
  step: number,
  isLost: (page: Range) => boolean,
): boolean {
  const end = Math.min(byteLength, span.byteOffset + span.byteLength);
  for (let at = alignDown(span.byteOffset, step); at < end; at += step) {
    if (isLost({ pointer: pointerAt(pointer, at), byteLength: step })) return true;
  }
  return false;
}

/** WebAssembly counts memory in pages of its own. */
const WASM_PAGE = 65536;

/**
 * Watches over a part of a SharedArrayBuffer, which may be the `sharedBuffer()` of a guarded
 * region, in any Worker that has it.
 */
export function watchShared(buffer: SharedArrayBuffer, span: Span): LossWatch {
  if (buffer.byteLength === 0 || buffer.byteLength % WASM_PAGE !== 0) return SOLID;
  const table = existingTable();
  if (table === undefined) return SOLID;
  const start = addressOfBytes(new Uint8Array(buffer));
  const slot = table.borrowedSlotAt(start);
  if (slot === undefined) return SOLID;
  const range = { pointer: pointerFrom(start)!, byteLength: buffer.byteLength };
  const find = (): MappingFaultError | undefined => {
    const losses = table.lossesOf(slot, start);
    if (losses >>> 0 < LOSS) return undefined;
    const isLost = (losses & LOSS_ANYWHERE) !== 0 ||
      somePage(range, span, system().memory.pageSize(), lostOf(losses));
    const { byteOffset } = span;
    return isLost
      ? new MappingFaultError({ path: "", byteOffset, faults: Math.trunc((losses >>> 0) / LOSS) })
      : undefined;
  };
  const watch: LossWatch = new LossWatch(table.halves, find, () => {
    watch.epoch++;
  });
  return watch;
}
