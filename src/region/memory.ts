/** A region's pages: flushing, advice, protection, locking, health. */

import { choice, type Names } from "../check/options.ts";
import type { Mapping } from "../mapping/mapping.ts";
import { type ByteRange, RANGE, readRange } from "../check/range.ts";
import type { Span } from "../mapping/pages.ts";
import {
  adviseSpan,
  checkAdvice,
  checkProtection,
  discardSpan,
  flushSpan,
  flushSpanOffThread,
  guardDrops,
  lockSpan,
  populateSpan,
  populateSpanOffThread,
  protectSpan,
  unlockSpan,
} from "../mapping/page_calls.ts";
import { probeSpan, type Residency, residencyOf } from "../mapping/page_state.ts";
import type { Advice, Durability, Protection } from "../os/system.ts";
import type { RegionBacking } from "./backing.ts";

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
function pagesOf(backing: RegionBacking, range: ByteRange | undefined, action: string): Pages {
  const given = readRange(range, action);
  const mapping = backing.live(action);
  return { mapping, span: backing.pages(given, action) };
}

const DURABILITIES: readonly Durability[] = ["memory", "data", "disk"];

/** The pages to flush, and how far. */
function flushed(
  backing: RegionBacking,
  options: FlushOptions | undefined,
): Pages & { readonly durability: Durability } {
  const range = readRange(options, "flush region", FLUSH);
  const durability = choice(options?.durability, DURABILITIES, "durability", "flush region");
  const mapping = backing.live("flush region");
  return { mapping, span: backing.pages(range, "flush region"), durability: durability ?? "data" };
}

/** `MmapRegion.flushSync` */
export function flushSync(backing: RegionBacking, options?: FlushOptions): void {
  const { mapping, span, durability } = flushed(backing, options);
  flushSpan(mapping, span, durability, backing.attributes.object);
  backing.check(mapping);
}

/** `MmapRegion.flush` */
export async function flush(backing: RegionBacking, options?: FlushOptions): Promise<void> {
  const { mapping, span, durability } = flushed(backing, options);
  const check = (): void => backing.check(mapping);
  await flushSpanOffThread(mapping, span, durability, backing.attributes.object, check);
}

/** `MmapRegion.advise` */
export function advise(backing: RegionBacking, advice: Advice, range?: ByteRange): void {
  const checked = checkAdvice(advice);
  const { mapping, span } = pagesOf(backing, range, "advise region");
  if (backing.attributes.guard) guardDrops(mapping, checked);
  adviseSpan(mapping, span, checked);
}

/** `MmapRegion.populateSync` */
export function populateSync(backing: RegionBacking, range?: ByteRange): void {
  const { mapping, span } = pagesOf(backing, range, "populate region");
  populateSpan(mapping, span);
}

/** `MmapRegion.populate` */
export async function populate(backing: RegionBacking, range?: ByteRange): Promise<void> {
  const { mapping, span } = pagesOf(backing, range, "populate region");
  await populateSpanOffThread(mapping, span);
}

/** `MmapRegion.protect` */
export function protect(backing: RegionBacking, protection: Protection, range?: ByteRange): void {
  const checked = checkProtection(protection);
  const given = readRange(range, "protect region");
  const mapping = backing.live("protect region");
  const span = backing.span(given, "protect region");
  const end = span.byteOffset + span.byteLength;
  const { pageSize } = mapping.request;
  const cutsStart = span.byteOffset % pageSize !== 0 && span.byteOffset !== backing.pageOffset;
  const cutsEnd = end % pageSize !== 0 && end !== backing.pageOffset + backing.byteLength;
  if (cutsStart || cutsEnd) {
    throw new RangeError(
      `Cannot protect region as the range must be whole pages of ${pageSize} bytes: ` +
        `received byteOffset ${given.byteOffset ?? 0}, byteLength ${span.byteLength}`,
    );
  }
  if (backing.attributes.guard) mapping.beginGuard();
  protectSpan(mapping, backing.pages(given, "protect region"), checked);
}

/** `MmapRegion.lockPages` */
export function lockPages(backing: RegionBacking, range?: ByteRange): void {
  const { mapping, span } = pagesOf(backing, range, "lock region");
  lockSpan(mapping, span);
}

/** `MmapRegion.unlockPages` */
export function unlockPages(backing: RegionBacking, range?: ByteRange): void {
  const { mapping, span } = pagesOf(backing, range, "unlock region");
  unlockSpan(mapping, span);
}

/** `MmapRegion.residency` */
export function residency(backing: RegionBacking, range?: ByteRange): Residency {
  const { mapping, span } = pagesOf(backing, range, "ask for residency");
  return residencyOf(mapping, span);
}

/** `MmapRegion.probe` */
export function probe(backing: RegionBacking, range?: ByteRange): Uint8Array<ArrayBuffer> {
  const { mapping, span } = pagesOf(backing, range, "probe region");
  return probeSpan(mapping, span);
}

/** `MmapRegion.discard` */
export function discard(backing: RegionBacking, range?: ByteRange): void {
  const given = readRange(range, "discard");
  const mapping = backing.live("discard");
  const span = backing.span(given, "discard");
  if (backing.attributes.access === "read") {
    throw new Deno.errors.PermissionDenied(`Cannot discard: the region has access "read"`);
  }
  if (backing.attributes.guard) guardDrops(mapping);
  discardSpan(mapping, span);
}
