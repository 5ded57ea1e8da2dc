/** The part of a region that is about its pages, whatever it is a mapping of. */

import { shown } from "../../ffi/arguments.ts";
import { adviseSpan, checkAdvice, populateSpan, populateSpanOffThread } from "../mapping/advice.ts";
import { discardSpan } from "../mapping/discard.ts";
import { flushSpan, flushSpanOffThread } from "../mapping/durability.ts";
import { type ByteRange, readRange } from "../mapping/pages.ts";
import { checkProtection, lockSpan, protectSpan, unlockSpan } from "../mapping/protection.ts";
import { probeSpan } from "../mapping/probe.ts";
import { type Residency, residencyOf } from "../mapping/residency.ts";
import { statsOf } from "../mapping/stats.ts";
import type { Advice, Durability, Protection, RegionStats } from "../os/system.ts";
import { coreOf } from "./mapped_bytes.ts";
import { MappedText } from "./mapped_text.ts";

/** The range of `flush`, and how far it goes. */
export interface FlushOptions extends ByteRange {
  /**
   * How far the changes must have got when the call returns.
   * @default {"data"}
   */
  durability?: Durability;
}

/**
 * Mapped memory: what can be asked of its pages. {@linkcode MmapRegion} is the class to use; this one
 * only holds the members that do not depend on what the memory is a mapping of.
 *
 * Ranges are in bytes and count from the beginning of the region. After `close`, every member but
 * `faults` throws `Deno.errors.BadResource`.
 */
export abstract class MappedMemory extends MappedText {
  /**
   * Writes changes back to the file and waits (`msync`). No other process needs this to see them,
   * and a crash of this process does not lose them: it is for a crash of the machine.
   *
   * @param options the range, widened to whole pages, and how far to go
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {MappingFaultError} If a page is cut off from its file; what is left of the range was
   * written all the same.
   * @throws {Error} EIO, ENOSPC, EDQUOT: the data could not be written.
   */
  flushSync(options?: FlushOptions): void {
    const range = readRange(options, "flush region");
    const durability = checkDurability(options?.durability);
    const mapping = coreOf(this).live("flush region");
    const span = coreOf(this).pages(range, "flush region");
    flushSpan(mapping, span, durability, coreOf(this).facts.fd);
    coreOf(this).check(mapping);
  }

  /**
   * As {@linkcode flushSync}, without blocking the event loop. The region may be closed meanwhile:
   * the flush ends all the same, and tells of pages that were cut off.
   */
  async flush(options?: FlushOptions): Promise<void> {
    const range = readRange(options, "flush region");
    const durability = checkDurability(options?.durability);
    const core = coreOf(this);
    const mapping = core.live("flush region");
    const span = core.pages(range, "flush region");
    const check = (): void => core.check(mapping);
    await flushSpanOffThread(mapping, span, durability, core.facts.fd, check);
  }

  /**
   * Tells the kernel how a range will be used (`madvise`).
   *
   * @param advice see {@linkcode Advice}; "dont-need" and "free" lose private changes
   * @param range widened to whole pages
   * @throws {TypeError} If there is no such advice; EINVAL: the kernel does not take it here.
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {Deno.errors.NotSupported} If the platform has no such advice.
   */
  advise(advice: Advice, range?: ByteRange): void {
    const checked = checkAdvice(advice);
    const given = readRange(range, "advise region");
    const mapping = coreOf(this).live("advise region");
    adviseSpan(mapping, coreOf(this).pages(given, "advise region"), checked);
  }

  /**
   * Faults pages in and waits, so that no later access has to (`MADV_POPULATE_*`).
   *
   * @param range widened to whole pages
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {Error} EFAULT: a page lies beyond the end of the file. ENOMEM.
   */
  populateSync(range?: ByteRange): void {
    const given = readRange(range, "populate region");
    const mapping = coreOf(this).live("populate region");
    populateSpan(mapping, coreOf(this).pages(given, "populate region"));
  }

  /** As {@linkcode populateSync}, without blocking the event loop. */
  async populate(range?: ByteRange): Promise<void> {
    const given = readRange(range, "populate region");
    const mapping = coreOf(this).live("populate region");
    await populateSpanOffThread(mapping, coreOf(this).pages(given, "populate region"));
  }

  /**
   * Changes what whole pages may be used for (`mprotect`). `resize` gives every page the region's
   * own access again.
   *
   * @param protection see {@linkcode Protection}
   * @param range of whole pages; the beginning and the end of the region count as page boundaries
   * @throws {RangeError} If the range lies outside of the region or cuts a page.
   * @throws {Deno.errors.PermissionDenied} EACCES: the file was opened without that right.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  protect(protection: Protection, range?: ByteRange): void {
    const checked = checkProtection(protection);
    const given = readRange(range, "protect region");
    const mapping = coreOf(this).live("protect region");
    const span = coreOf(this).span(given, "protect region");
    const end = span.byteOffset + span.byteLength;
    const { pageSize } = mapping.request;
    const cutsStart = span.byteOffset % pageSize !== 0 && span.byteOffset !== coreOf(this).lead;
    const cutsEnd = end % pageSize !== 0 && end !== coreOf(this).lead + this.byteLength;
    if (cutsStart || cutsEnd) {
      throw new RangeError(
        `Cannot protect region as the range must be whole pages of ${pageSize} bytes: ` +
          `received byteOffset ${given.byteOffset ?? 0}, byteLength ${span.byteLength}`,
      );
    }
    if (coreOf(this).facts.guard) mapping.beginGuard();
    protectSpan(mapping, coreOf(this).pages(given, "protect region"), checked);
  }

  /**
   * Faults pages in and keeps them in memory (`mlock`). A region that is resized while an operation of
   * Deno still uses its bytes gets new pages, which are not locked, and for which no advice holds.
   *
   * @param range widened to whole pages
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.WouldBlock} EAGAIN: some pages could not be locked.
   * @throws {Deno.errors.PermissionDenied} EPERM: locking is not allowed at all.
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {Error} ENOMEM: more than `ulimit -l` allows.
   */
  lock(range?: ByteRange): void {
    const given = readRange(range, "lock region");
    const mapping = coreOf(this).live("lock region");
    lockSpan(mapping, coreOf(this).pages(given, "lock region"));
  }

  /**
   * Undoes {@linkcode lock} (`munlock`).
   *
   * @param range widened to whole pages
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  unlock(range?: ByteRange): void {
    const given = readRange(range, "unlock region");
    const mapping = coreOf(this).live("unlock region");
    unlockSpan(mapping, coreOf(this).pages(given, "unlock region"));
  }

  /**
   * Which pages are in memory (`mincore`). Of a file that this user may neither write to nor owns,
   * Linux says that all are.
   *
   * @param range widened to whole pages
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  residency(range?: ByteRange): Residency {
    const given = readRange(range, "ask for residency");
    const mapping = coreOf(this).live("ask for residency");
    return residencyOf(mapping, coreOf(this).pages(given, "ask for residency"));
  }

  /**
   * Which pages can be read: asks the kernel to read one byte of each, which never faults.
   *
   * @param range widened to whole pages
   * @returns one byte for each page: 1 if it is there; 0 if it lies beyond the end of its file, or
   * is protected against reading
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  probe(range?: ByteRange): Uint8Array<ArrayBuffer> {
    const given = readRange(range, "probe region");
    const mapping = coreOf(this).live("probe region");
    return probeSpan(mapping, coreOf(this).pages(given, "probe region"));
  }

  /**
   * Zeroes exactly the bytes of a range, and gives back the memory or the file blocks of what it
   * covers wholly (`fallocate` with `FALLOC_FL_PUNCH_HOLE`, or `MADV_DONTNEED`).
   *
   * @throws {RangeError} If the range lies outside of the region.
   * @throws {Deno.errors.PermissionDenied} If the region has access "read".
   * @throws {Deno.errors.BadResource} If the region is closed.
   * @throws {Error} EFAULT: private memory that is protected against writing.
   */
  discard(range?: ByteRange): void {
    const given = readRange(range, "discard");
    const mapping = coreOf(this).live("discard");
    const span = coreOf(this).span(given, "discard");
    if (this.access === "read") {
      throw new Deno.errors.PermissionDenied(`Cannot discard: the region has access "read"`);
    }
    discardSpan(mapping, span);
  }

  /** How many faults were absorbed in the region's life; see {@linkcode check}. */
  get faults(): number {
    return coreOf(this).faults;
  }

  /**
   * Tells whether the bytes can be trusted: whether all pages are those of the object.
   *
   * @throws {MappingFaultError} If a page is cut off from its object: the file was truncated and the
   * page touched, its disk is full, or a forbidden write was absorbed.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  check(): void {
    const core = coreOf(this);
    core.check(core.live("check region"));
  }

  /**
   * Maps the true object again in the place of every page that is cut off; what was written to those
   * pages is lost. Views stay. Every page gets the region's own access again. Shared memory that is
   * cut off somewhere is mapped anew as a whole: what `advise` and `lock` had asked for it is to be
   * asked for again.
   *
   * A page that still lies beyond the end of its file is cut off again at its next access; `resize`
   * makes the file longer.
   *
   * @throws {Deno.errors.PermissionDenied} EPERM: somebody else has sealed the memory against
   * further writable mappings; its pages that are cut off stay what they are.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  repair(): void {
    const core = coreOf(this);
    core.repair(core.live("repair region"));
  }

  /**
   * What the kernel says of the region's memory (/proc/self/smaps). Linux only.
   *
   * @throws {Deno.errors.NotSupported} If there is no /proc.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  stats(): RegionStats {
    return statsOf(coreOf(this).live("read statistics"));
  }
}

function checkDurability(durability: Durability | undefined): Durability {
  if (durability === undefined) return "data";
  if (durability === "memory" || durability === "data" || durability === "disk") return durability;
  throw new TypeError(
    `Cannot flush region as durability must be "memory", "data" or "disk": received ${
      shown(durability)
    }`,
  );
}
