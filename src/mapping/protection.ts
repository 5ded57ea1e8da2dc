/** Page protection and locking in memory. */

import { shown } from "../check/options.ts";
import { system } from "../os/mod.ts";
import type { Protection } from "../os/system.ts";
import type { Mapping } from "./mapping.ts";
import type { Span } from "./pages.ts";

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

/** @throws the system error of `mlock` */
export function lockSpan(mapping: Mapping, span: Span): void {
  system().memory.lock(mapping.part(span));
}

/** @throws the system error of `munlock` */
export function unlockSpan(mapping: Mapping, span: Span): void {
  system().memory.unlock(mapping.part(span));
}
