/** Telling the system how memory will be used, and faulting it in ahead of use. */

import { shown } from "../check/options.ts";
import { system } from "../os/mod.ts";
import type { Advice } from "../os/system.ts";
import type { Mapping } from "./mapping.ts";
import type { Span } from "./pages.ts";

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

/** @throws {Deno.errors.NotSupported} If the platform lacks this advice. */
export function adviseSpan(mapping: Mapping, span: Span, advice: Advice): void {
  system().memory.advise(mapping.part(span), advice);
}

/** Faults the pages of a span in and waits. @throws the system error of `madvise` */
export function populateSpan(mapping: Mapping, span: Span): void {
  const patchy = mapping.mixed || mapping.guard?.cutOff === true;
  system().memory.populate(mapping.part(span), mapping.request, patchy);
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
