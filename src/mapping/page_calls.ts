/**
 * What is done to a mapping's pages: advice and faulting in, protection and locking, writing back,
 * zeroing.
 */

import { shown } from "../check/options.ts";
import { isSystemError, system } from "../os/mod.ts";
import type { Advice, Durability, OpenObject, Protection } from "../os/system.ts";
import type { Mapping } from "./mapping.ts";
import { alignDown, alignUp, type Span } from "./pages.ts";

const ADVICE: Readonly<Record<Advice, true>> = {
  "normal": true,
  "random": true,
  "sequential": true,
  "will-need": true,
  "dont-need": true,
  "free": true,
  "cold": true,
  "page-out": true,
  "huge-page": true,
  "no-huge-page": true,
  "collapse": true,
  "dont-fork": true,
  "do-fork": true,
  "dont-dump": true,
  "do-dump": true,
  "mergeable": true,
  "unmergeable": true,
};

/** @throws {TypeError} If there is no such advice. */
export function checkAdvice(advice: Advice): Advice {
  // An object could convert to another string each time, or close the region while it does.
  if (typeof advice === "string" && Object.hasOwn(ADVICE, advice)) return advice;
  throw new TypeError(`Cannot advise region as there is no such advice: received ${shown(advice)}`);
}

/** What may drop pages of private memory. */
const DROPPING: readonly Advice[] = ["dont-need", "free"];

/** @throws {Deno.errors.NotSupported} If the platform lacks this advice. */
export function adviseSpan(mapping: Mapping, span: Span, advice: Advice): void {
  const advise = (): void => system().memory.advise(mapping.part(span), advice);
  if (DROPPING.includes(advice)) alone(mapping, advise);
  else advise();
}

/**
 * Has missing pages become zeros, before pages of private memory are dropped where those are missing for
 * a moment.
 *
 * @throws {Error} If too many mappings are guarded.
 */
export function guardDrops(mapping: Mapping, advice: Advice = "dont-need"): void {
  const { object, sharing } = mapping.request;
  if (object !== undefined || sharing === "shared" || !DROPPING.includes(advice)) return;
  if (system().memory.dropsInSteps === true) mapping.beginGuard();
}

/** Changes pages while no handler does, which could replace what is gone for a moment. */
function alone({ guard }: Mapping, change: () => void): void {
  if (guard === undefined) change();
  else guard.alone(change);
}

/** Gives advice that is not needed: a kernel without huge pages returns EINVAL. */
export function wishFor(mapping: Mapping, span: Span, advice: Advice): void {
  try {
    adviseSpan(mapping, span, advice);
  } catch (error) {
    if (!isOptional(error)) throw error;
  }
}

/** Whether an error tells of a call that only makes things quicker. */
function isOptional(error: unknown): boolean {
  return isSystemError(error) || error instanceof Deno.errors.NotSupported;
}

/** Faults the pages of a span in and waits. @throws the system error of `madvise` */
export function populateSpan(mapping: Mapping, span: Span, written = false): void {
  const patchy = mapping.mixed || mapping.guard?.cutOff === true;
  system().memory.populate(mapping.part(span), mapping.request, patchy, written);
}

/**
 * As {@linkcode populateSpan} of pages that are all about to be written to, if the system can do it;
 * or else they are faulted in when they are touched.
 */
export function prepareForWriting(mapping: Mapping, span: Span): void {
  try {
    populateSpan(mapping, span, true);
  } catch (error) {
    if (!isOptional(error)) throw error;
  }
}

/** As {@linkcode populateSpan}, on a thread of Deno's pool. */
export async function populateSpanOffThread(mapping: Mapping, span: Span): Promise<void> {
  const { memory } = system();
  await mapping.whilePinned(async () => {
    const done = await memory.populateOffThread?.(mapping.part(span), mapping.request) ?? false;
    // The other thread's errno is out of reach. The same call on this thread finishes the work or
    // throws the error.
    if (!done) populateSpan(mapping, span);
  });
}

const PROTECTIONS: readonly Protection[] = [
  "none",
  "read",
  "read-write",
  "read-execute",
  "read-write-execute",
];

/** @throws {TypeError} If there is no such protection. */
export function checkProtection(protection: Protection): Protection {
  // An object could convert to another string each time, or close the region while it does.
  if (typeof protection === "string" && PROTECTIONS.includes(protection)) return protection;
  throw new TypeError(
    `Cannot protect region as there is no such protection: received ${shown(protection)}`,
  );
}

/** @throws the system error of `mprotect` */
export function protectSpan(mapping: Mapping, span: Span, protection: Protection): void {
  mapping.mixed = true;
  system().memory.protect(mapping.part(span), protection, mapping.request.subject);
}

/**
 * Makes the object shorter below its mapping, and maps what it has got since.
 *
 * @param cut makes it shorter, and maybe longer again
 */
export function cutObject(mapping: Mapping, cut: () => void): void {
  const { memory } = system();
  if (memory.follow === undefined) return cut();
  const { guard, placed, range, request } = mapping;
  alone(mapping, () => {
    memory.follow!(placed, request, cut);
    guard?.renewSource(range, request);
  });
}

/** @throws the system error of `mlock` */
export function lockSpan(mapping: Mapping, span: Span): void {
  system().memory.lock(mapping.part(span));
}

/** @throws the system error of `munlock` */
export function unlockSpan(mapping: Mapping, span: Span): void {
  system().memory.unlock(mapping.part(span));
}

/** Flushes a page-aligned span and waits for it. @throws the system error of `msync` or `fsync` */
export function flushSpan(
  mapping: Mapping,
  span: Span,
  durability: Durability,
  object: OpenObject | undefined,
): void {
  system().memory.flush(mapping.part(span), durability, object);
}

/**
 * As {@linkcode flushSpan}, on a thread of Deno's pool.
 *
 * @param check looks for pages that are cut off, after the flush. If the mapping was closed
 * meanwhile, its memory is still mapped then
 */
export async function flushSpanOffThread(
  mapping: Mapping,
  span: Span,
  durability: Durability,
  object: OpenObject | undefined,
  check: () => void,
): Promise<void> {
  if (durability === "memory") {
    flushSpan(mapping, span, durability, object);
    return check();
  }
  await mapping.whilePinned(async () => {
    const failed = await system().memory.flushOffThread(mapping.part(span), durability, object);
    if (failed === undefined) return check();
    // The other thread's errno is out of reach. The same call on this thread fails again, except
    // after a failed write, which the system reports only once; that error must not be lost.
    flushSpan(mapping, span, durability, object);
    throw failed;
  });
}

/**
 * Zeroes exactly the bytes of a span. Whole pages, or whole blocks of a file, are given back where
 * the mapping allows it; a private mapping of a file only zeroes, since dropping its pages would
 * bring the file's content back.
 */
export function discardSpan(mapping: Mapping, span: Span): void {
  const { request } = mapping;
  if (request.sharing === "shared") {
    if (system().memory.punch?.(request, span) !== true) zeroSpan(mapping, span);
  } else if (request.object === undefined) {
    dropPages(mapping, span);
  } else {
    zeroSpan(mapping, span);
  }
}

function dropPages(mapping: Mapping, { byteOffset, byteLength }: Span): void {
  const { memory } = system();
  const step = memory.pageSize();
  const end = byteOffset + byteLength;
  const first = alignUp(byteOffset, step);
  // The bytes between the region's end and the end of its page belong to nobody.
  const last = end === mapping.byteLength ? alignUp(end, step) : alignDown(end, step);
  if (first >= last || memory.drop === undefined) {
    return zeroSpan(mapping, { byteOffset, byteLength });
  }
  zeroSpan(mapping, { byteOffset, byteLength: first - byteOffset });
  zeroSpan(mapping, { byteOffset: last, byteLength: end - last });
  const whole = { byteOffset: first, byteLength: last - first };
  let isDropped = false;
  alone(mapping, () => isDropped = memory.drop!(mapping.part(whole), mapping.faults > 0));
  if (isDropped) return;
  zeroSpan(mapping, { byteOffset: first, byteLength: Math.min(last, end) - first });
}

function zeroSpan(mapping: Mapping, span: Span): void {
  if (span.byteLength > 0) system().memory.zero(mapping.part(span));
}
