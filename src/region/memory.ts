/** A region's pages: flushing, advice, protection, locking, health. */

import { choice, type Names } from "../check/options.ts";
import { adviseSpan, checkAdvice, populateSpan, populateSpanOffThread } from "../mapping/advice.ts";
import { discardSpan } from "../mapping/discard.ts";
import { flushSpan, flushSpanOffThread } from "../mapping/durability.ts";
import type { Mapping } from "../mapping/mapping.ts";
import { type ByteRange, RANGE, readRange } from "../check/range.ts";
import type { Span } from "../mapping/pages.ts";
import { checkProtection, lockSpan, protectSpan, unlockSpan } from "../mapping/protection.ts";
import { probeSpan } from "../mapping/probe.ts";
import { type Residency, residencyOf } from "../mapping/residency.ts";
import type { Advice, Durability, Protection } from "../os/system.ts";
import type { RegionCore } from "./core.ts";

/** The range of `flush`, and how far it goes. */
export interface FlushOptions extends ByteRange {
  /**
   * How far the changes must have got when the call returns.
   * @default {"data"}
   */
  durability?: "memory" | "data" | "disk";
}

const FLUSH: Names<FlushOptions> = { ...RANGE, durability: true };

/** Whole pages of an open region. */
interface Pages {
  readonly mapping: Mapping;
  readonly span: Span;
}

/** The pages that a caller's range touches. */
function pagesOf(core: RegionCore, range: ByteRange | undefined, action: string): Pages {
  const given = readRange(range, action);
  const mapping = core.live(action);
  return { mapping, span: core.pages(given, action) };
}

const DURABILITIES: readonly Durability[] = ["memory", "data", "disk"];

/** The pages to flush, and how far. */
function flushed(
  core: RegionCore,
  options: FlushOptions | undefined,
): Pages & { readonly durability: Durability } {
  const range = readRange(options, "flush region", FLUSH);
  const durability = choice(options?.durability, DURABILITIES, "durability", "flush region");
  const mapping = core.live("flush region");
  return { mapping, span: core.pages(range, "flush region"), durability: durability ?? "data" };
}

/** `MmapRegion.flushSync` */
export function flushSync(core: RegionCore, options?: FlushOptions): void {
  const { mapping, span, durability } = flushed(core, options);
  flushSpan(mapping, span, durability, core.facts.object);
  core.check(mapping);
}

/** `MmapRegion.flush` */
export async function flush(core: RegionCore, options?: FlushOptions): Promise<void> {
  const { mapping, span, durability } = flushed(core, options);
  const check = (): void => core.check(mapping);
  await flushSpanOffThread(mapping, span, durability, core.facts.object, check);
}

/** `MmapRegion.advise` */
export function advise(core: RegionCore, advice: Advice, range?: ByteRange): void {
  const checked = checkAdvice(advice);
  const { mapping, span } = pagesOf(core, range, "advise region");
  adviseSpan(mapping, span, checked);
}

/** `MmapRegion.populateSync` */
export function populateSync(core: RegionCore, range?: ByteRange): void {
  const { mapping, span } = pagesOf(core, range, "populate region");
  populateSpan(mapping, span);
}

/** `MmapRegion.populate` */
export async function populate(core: RegionCore, range?: ByteRange): Promise<void> {
  const { mapping, span } = pagesOf(core, range, "populate region");
  await populateSpanOffThread(mapping, span);
}

/** `MmapRegion.protect` */
export function protect(core: RegionCore, protection: Protection, range?: ByteRange): void {
  const checked = checkProtection(protection);
  const given = readRange(range, "protect region");
  const mapping = core.live("protect region");
  const span = core.span(given, "protect region");
  const end = span.byteOffset + span.byteLength;
  const { pageSize } = mapping.request;
  const cutsStart = span.byteOffset % pageSize !== 0 && span.byteOffset !== core.lead;
  const cutsEnd = end % pageSize !== 0 && end !== core.lead + core.byteLength;
  if (cutsStart || cutsEnd) {
    throw new RangeError(
      `Cannot protect region as the range must be whole pages of ${pageSize} bytes: ` +
        `received byteOffset ${given.byteOffset ?? 0}, byteLength ${span.byteLength}`,
    );
  }
  if (core.facts.guard) mapping.beginGuard();
  protectSpan(mapping, core.pages(given, "protect region"), checked);
}

/** `MmapRegion.lockPages` */
export function lockPages(core: RegionCore, range?: ByteRange): void {
  const { mapping, span } = pagesOf(core, range, "lock region");
  lockSpan(mapping, span);
}

/** `MmapRegion.unlockPages` */
export function unlockPages(core: RegionCore, range?: ByteRange): void {
  const { mapping, span } = pagesOf(core, range, "unlock region");
  unlockSpan(mapping, span);
}

/** `MmapRegion.residency` */
export function residency(core: RegionCore, range?: ByteRange): Residency {
  const { mapping, span } = pagesOf(core, range, "ask for residency");
  return residencyOf(mapping, span);
}

/** `MmapRegion.probe` */
export function probe(core: RegionCore, range?: ByteRange): Uint8Array<ArrayBuffer> {
  const { mapping, span } = pagesOf(core, range, "probe region");
  return probeSpan(mapping, span);
}

/** `MmapRegion.discard` */
export function discard(core: RegionCore, range?: ByteRange): void {
  const given = readRange(range, "discard");
  const mapping = core.live("discard");
  const span = core.span(given, "discard");
  if (core.facts.access === "read") {
    throw new Deno.errors.PermissionDenied(`Cannot discard: the region has access "read"`);
  }
  discardSpan(mapping, span);
}
