/** Words in a region: the system waits and wakes, for all processes that map it. */

import { pointerAt } from "../../ffi/memory.ts";
import { system } from "../os/mod.ts";
import type { SystemWord, WaitResult } from "../os/system.ts";
import type { RegionBacking } from "../region/backing.ts";
import { backingOf, MmapRegion } from "../region/mmap_region.ts";
import type { LossWatch } from "../mapping/loss.ts";
import { lossWatchOf } from "./loss_watches.ts";
import { type Threads, threadsOf } from "./holder.ts";
import { waitTogether } from "./waiter.ts";
import type { Words } from "./words.ts";

/** The words of one primitive; they follow the region when it is resized. */
export class RegionWords implements Words {
  readonly threads: Threads;
  readonly lossWatch: LossWatch;
  readonly #backing: RegionBacking;
  readonly #byteOffset: number;
  readonly #byteLength: number;
  readonly #end: number;
  readonly #action: string;
  #cells: Int32Array;

  /** @param need "read" is enough for waiting */
  constructor(
    region: MmapRegion,
    byteOffset: number,
    byteLength: number,
    action: string,
    need: "read" | "read-write" = "read-write",
  ) {
    if (!(region instanceof MmapRegion)) {
      throw new TypeError(`Cannot ${action} as it needs an MmapRegion or a SharedArrayBuffer`);
    }
    if (region.access === "read" && need !== "read") {
      throw new TypeError(`Cannot ${action} as the region must have access "read-write"`);
    }
    this.#backing = backingOf(region);
    this.threads = threadsOf(this.#backing);
    this.#byteOffset = byteOffset;
    this.#byteLength = byteLength;
    this.#end = byteOffset + byteLength;
    this.#action = action;
    this.#cells = this.#view();
    this.lossWatch = lossWatchOf(this.#backing, { byteOffset, byteLength });
  }

  get cells(): Int32Array {
    // Closing a region detaches the old view, and so does resizing; only resizing within the
    // reserve does not, but may leave the region too short.
    if (this.#cells.length === 0 || this.#backing.byteLength < this.#end) {
      this.#cells = this.#view();
    }
    return this.#cells;
  }

  get userBuffer(): ArrayBuffer {
    return this.#backing.live(this.#action).buffer;
  }

  #view(): Int32Array {
    const { buffer, byteOffset, byteLength } = this.#backing.ownWindow(this.#action);
    if (this.#byteOffset + this.#byteLength > byteLength) {
      throw new RangeError(
        `Cannot ${this.#action} as it must lie within ${byteLength} bytes: ` +
          `received byteOffset ${this.#byteOffset}, and it takes ${this.#byteLength}`,
      );
    }
    // Some words are changed two at a time, see `pair.ts`.
    if (byteOffset % 8 !== 0) {
      throw new RangeError(
        `Cannot ${this.#action} as the region must begin at a multiple of 8: ` +
          `received byteOffset ${this.#backing.attributes.byteOffset}`,
      );
    }
    return new Int32Array(buffer, byteOffset + this.#byteOffset, this.#byteLength / 4);
  }

  /** The last word that was used, which is often the next one too. */
  #known: { base: Deno.PointerObject; index: number; word: SystemWord } | undefined;

  #word(index: number): SystemWord {
    const base = this.#backing.live(this.#action).pointer;
    if (this.#known?.base === base && this.#known.index === index) return this.#known.word;
    const byteOffset = this.#byteOffset + 4 * index;
    const { object, byteOffset: start } = this.#backing.attributes;
    const word = {
      pointer: pointerAt(base, this.#backing.pageOffset + byteOffset),
      object,
      byteOffset: start + byteOffset,
    };
    this.#known = { base, index, word };
    return word;
  }

  waitSync(index: number, expected: number, timeoutMs: number): WaitResult {
    const word = this.#word(index);
    const { waiting } = system();
    if (timeoutMs <= LONGEST_MS) {
      return timeoutMs > 0 ? waiting.wait(word, expected, timeoutMs) : "timed-out";
    }
    const deadline = performance.now() + timeoutMs;
    for (let leftMs = timeoutMs; leftMs > 0; leftMs = deadline - performance.now()) {
      const result = waiting.wait(word, expected, Math.min(leftMs, LONGEST_MS));
      if (result !== "timed-out") return result;
      this.#look(index);
    }
    return "timed-out";
  }

  /** A sleeper touches its page now and then: only an access shows whether the page is there. */
  #look(index: number): void {
    Atomics.load(this.cells, index);
    this.lossWatch.check();
  }

  wait(
    index: number,
    expected: number,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<WaitResult> {
    const mapping = this.#backing.live(this.#action);
    const { cells, lossWatch } = this;
    const word = { cells, index, place: this.#word(index), lossWatch };
    return mapping.whilePinned(() => waitTogether(word, expected, timeoutMs, signal));
  }

  beforeEnd(end: () => void): () => void {
    return this.#backing.beforeClose(end);
  }

  wake(index: number, count: number): number {
    return system().waiting.wake(this.#word(index), count);
  }
}

/** The longest single wait, so that a terminated Worker does not sleep for ever. */
const LONGEST_MS = 1000;
