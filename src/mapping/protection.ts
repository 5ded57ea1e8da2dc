/** Page protection and locking in memory. */

import { shown } from "../../ffi/arguments.ts";
import { checkZero } from "../../ffi/call.ts";
import { PROT_EXEC, PROT_NONE, PROT_READ, PROT_WRITE } from "../../ffi/constants.ts";
import { libc } from "../../ffi/libc.ts";
import { pointerAt } from "../../ffi/memory.ts";
import type { Mapping } from "./mapping.ts";
import type { Span } from "./pages.ts";

/** What the pages of a range may be used for; "none": not touched at all. */
export type Protection =
  | "none"
  | "read"
  | "read-write"
  | "read-execute"
  | "read-write-execute";

const PROTECTIONS: Readonly<Record<Protection, number>> = {
  "none": PROT_NONE,
  "read": PROT_READ,
  "read-write": PROT_READ | PROT_WRITE,
  "read-execute": PROT_READ | PROT_EXEC,
  "read-write-execute": PROT_READ | PROT_WRITE | PROT_EXEC,
};

/** @throws {TypeError} If there is no such protection. */
export function checkProtection(protection: Protection): Protection {
  // An object could become another text, or close the region, each time that it is looked at.
  if (typeof protection === "string" && Object.hasOwn(PROTECTIONS, protection)) return protection;
  throw new TypeError(
    `Cannot protect region as there is no such protection: received ${shown(protection)}`,
  );
}

/** @throws the system error of `mprotect` */
export function protectSpan(mapping: Mapping, span: Span, protection: Protection): void {
  const start = pointerAt(mapping.pointer, span.byteOffset);
  mapping.mixed = true;
  checkZero(
    libc().mprotect(start, BigInt(span.byteLength), PROTECTIONS[protection]),
    "mprotect",
    mapping.request.subject,
  );
}

/** @throws the system error of `mlock` */
export function lockSpan(mapping: Mapping, span: Span): void {
  const start = pointerAt(mapping.pointer, span.byteOffset);
  checkZero(libc().mlock(start, BigInt(span.byteLength)), "mlock");
}

/** @throws the system error of `munlock` */
export function unlockSpan(mapping: Mapping, span: Span): void {
  const start = pointerAt(mapping.pointer, span.byteOffset);
  checkZero(libc().munlock(start, BigInt(span.byteLength)), "munlock");
}
