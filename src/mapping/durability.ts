/** Writing changes back to the file. */

import { system } from "../os/mod.ts";
import type { Durability, OpenObject } from "../os/system.ts";
import type { Mapping } from "./mapping.ts";
import type { Span } from "./pages.ts";

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
