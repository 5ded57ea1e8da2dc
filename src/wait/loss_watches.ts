/**
 * Watches whether all pages of a primitive, channel or collection are still the object's. If one is
 * lost, no operation there continues. What this isolate held there is given up, so that others see
 * it as a dead holder's.
 */

import { lossCounts, LossWatch } from "../mapping/loss.ts";
import type { Span } from "../mapping/pages.ts";
import type { RegionBacking } from "../region/backing.ts";
import { renewToken } from "./holder.ts";

/**
 * Names of holders occur only within this many bytes from the beginning of a primitive, channel or
 * collection.
 */
const NAMES_BYTE_LENGTH = 4096;

/** The watches over the parts of one region. */
class RegionWatches {
  readonly #backing: RegionBacking;
  readonly #all = new Map<string, { readonly span: Span; readonly watch: LossWatch }>();

  constructor(backing: RegionBacking) {
    this.#backing = backing;
    // A page that was lost and healed between two calls still counts as lost.
    backing.beforeHealing(() => this.#all.forEach(({ watch }) => watch.look()));
  }

  /** Two objects at one place share a watch. */
  at(span: Span): LossWatch {
    const key = `${span.byteOffset} ${span.byteLength}`;
    const known = this.#all.get(key);
    if (known !== undefined) return known.watch;
    const watch = new LossWatch(
      lossCounts(),
      () => this.#backing.lossIn(span),
      () => this.#giveUp(span),
    );
    this.#all.set(key, { span, watch });
    return watch;
  }

  #giveUp(lost: Span): void {
    const kept: Int32Array[] = [];
    for (const { span, watch } of this.#all.values()) {
      const isLost = overlap(span, lost) || this.#backing.lossIn(span) !== undefined;
      if (isLost) watch.epoch++;
      else kept.push(this.#namesIn(span));
    }
    try {
      renewToken(this.#backing, kept);
    } catch {
      // No descriptor is left. The next call tries again; at the latest, the region's end gives the
      // token up.
    }
  }

  /** The words in which holders may be named. */
  #namesIn(span: Span): Int32Array {
    const { buffer, byteOffset, byteLength } = this.#backing.ownWindow("use locks");
    const length = Math.min(span.byteLength, NAMES_BYTE_LENGTH, byteLength - span.byteOffset);
    return new Int32Array(buffer, byteOffset + span.byteOffset, Math.max(0, length) >> 2);
  }
}

function overlap(a: Span, b: Span): boolean {
  return a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
}

const known = new WeakMap<RegionBacking, RegionWatches>();

/** The watch over a part of a region. */
export function lossWatchOf(backing: RegionBacking, span: Span): LossWatch {
  let watches = known.get(backing);
  if (watches === undefined) known.set(backing, watches = new RegionWatches(backing));
  return watches.at(span);
}
