/** The memory of a collection in a region: its views, while both are open. */

import type { LossWatch } from "../mapping/loss.ts";
import { backingOf, type MmapRegion } from "../region/mmap_region.ts";
import { ownView } from "../region/own_view.ts";
import { lossWatchOf } from "../wait/loss_watches.ts";
import type { Memory } from "./copy_out.ts";

const NO_BYTES = new Uint8Array();
const NO_WORDS = new Int32Array();
const NO_FLOATS = new Float64Array();

/** Views that follow the region when it is resized. */
export class RegionMemory implements Memory {
  protected readonly region: MmapRegion;
  readonly #name: string;
  /** The length of the collection, in bytes; the rest of the region is not part of it. */
  #byteLength!: number;
  readonly pooled: boolean;
  #lossWatch!: LossWatch;
  #closed = false;
  #bytes: Uint8Array = NO_BYTES;
  #words: Int32Array = NO_WORDS;
  #floats: Float64Array = NO_FLOATS;

  constructor(region: MmapRegion, byteLength: number, name: string, pooled: boolean) {
    this.pooled = pooled;
    this.region = region;
    this.#name = name;
    this.cover(byteLength, byteLength);
  }

  /** Takes another part of the region, from its beginning; `watched`: in how much of it a loss matters. */
  protected cover(byteLength: number, watched: number): void {
    this.#byteLength = byteLength;
    this.#lossWatch = lossWatchOf(backingOf(this.region), { byteOffset: 0, byteLength: watched });
    this.#view();
  }

  /** @throws {Deno.errors.BadResource} If the collection or the region is closed. */
  get words(): Int32Array {
    if (this.#words.length === 0) this.#view();
    return this.#words;
  }

  /** @throws {Deno.errors.BadResource} If the collection or the region is closed. */
  get bytes(): Uint8Array {
    if (this.#bytes.length === 0) this.#view();
    return this.#bytes;
  }

  /**
   * The same memory as 64-bit floats.
   *
   * @throws {Deno.errors.BadResource} If the collection or the region is closed.
   */
  get floats(): Float64Array {
    if (this.#floats.length === 0) {
      this.#view();
      this.#floats = ownView(this.region, Float64Array, Math.floor(this.#byteLength / 8));
    }
    return this.#floats;
  }

  get closed(): boolean {
    return this.#closed || this.region.closed;
  }

  /**
   * Must be called after data were read or written.
   *
   * @throws {MappingFaultError} If a page of it was lost.
   */
  check(): void {
    if (!this.#closed) this.#lossWatch.check();
  }

  #view(): void {
    if (this.closed) {
      throw new Deno.errors.BadResource(`Cannot use ${this.#name}: it is closed`);
    }
    this.#bytes = ownView(this.region, Uint8Array, this.#byteLength);
    this.#words = ownView(this.region, Int32Array, Math.floor(this.#byteLength / 4));
  }

  close(): void {
    this.#closed = true;
    this.#bytes = NO_BYTES;
    this.#words = NO_WORDS;
    this.#floats = NO_FLOATS;
  }
}
