/**
 * What primitives, channels and collections stand on: a part of a region, and whether all of its pages
 * are still the object's. Where one is lost, nothing there goes on; and what this isolate held there is
 * given up, so that others see it as a dead one's.
 */

import { lossCounts, LossWatch } from "../mapping/loss.ts";
import type { Span } from "../mapping/pages.ts";
import type { RegionCore } from "../region/core.ts";
import { renewToken } from "./holder.ts";

/** Names of holders stand in the first bytes of everything, no farther than this. */
const NAMES_BYTE_LENGTH = 4096;

/** All ground of one region that something stands on or stood on. */
class Grounds {
  readonly #core: RegionCore;
  readonly #all = new Map<string, { readonly span: Span; readonly watch: LossWatch }>();

  constructor(core: RegionCore) {
    this.#core = core;
    // What was lost and healed between two calls was lost all the same.
    core.beforeHealing(() => this.#all.forEach(({ watch }) => watch.look()));
  }

  /** Two that stand at one place have one watch. */
  at(span: Span): LossWatch {
    const key = `${span.byteOffset} ${span.byteLength}`;
    const known = this.#all.get(key);
    if (known !== undefined) return known.watch;
    const watch = new LossWatch(
      lossCounts(),
      () => this.#core.lossIn(span),
      () => this.#giveUp(span),
    );
    this.#all.set(key, { span, watch });
    return watch;
  }

  #giveUp(lost: Span): void {
    const kept: Int32Array[] = [];
    for (const { span, watch } of this.#all.values()) {
      const isLost = overlap(span, lost) || this.#core.lossIn(span) !== undefined;
      if (isLost) watch.epoch++;
      else kept.push(this.#namesIn(span));
    }
    try {
      renewToken(this.#core, kept);
    } catch {
      // There is no descriptor left: it is tried again, and at the latest the region's end tells others.
    }
  }

  /** The words in which holders may be named. */
  #namesIn(span: Span): Int32Array {
    const { buffer, byteOffset, byteLength } = this.#core.ownWindow("use locks");
    const length = Math.min(span.byteLength, NAMES_BYTE_LENGTH, byteLength - span.byteOffset);
    return new Int32Array(buffer, byteOffset + span.byteOffset, Math.max(0, length) >> 2);
  }
}

function overlap(a: Span, b: Span): boolean {
  return a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
}

const known = new WeakMap<RegionCore, Grounds>();

/** The watch over a part of a region. */
export function groundOf(core: RegionCore, span: Span): LossWatch {
  let grounds = known.get(core);
  if (grounds === undefined) known.set(core, grounds = new Grounds(core));
  return grounds.at(span);
}
