/** Writing changes back to the file. */

import { checkZero, systemError } from "../../ffi/call.ts";
import { F_FULLFSYNC, MS_ASYNC, MS_SYNC } from "../../ffi/constants.ts";
import { libc } from "../../ffi/libc.ts";
import { pointerAt } from "../../ffi/memory.ts";
import type { Mapping } from "./mapping.ts";
import type { Span } from "./pages.ts";

/**
 * How far `flush` goes:
 * - "memory": asks for the write-back and returns at once (`MS_ASYNC`); Linux writes back by itself
 *   anyway, and does no more. What was written is safe from a crash of the process, as it is without
 *   any flush.
 * - "data", the default: waits until the range's data were handed to the disk (`MS_SYNC`).
 * - "disk": waits also for the file's size and other metadata and, on macOS, for the drive's own
 *   cache (`fsync`, `F_FULLFSYNC`).
 */
export type Durability = "memory" | "data" | "disk";

const EIO = 5;

/** Flushes a page-aligned span and waits for it. @throws the system error of `msync` or `fsync` */
export function flushSpan(mapping: Mapping, span: Span, durability: Durability, fd: number): void {
  const { msync, fsync, fcntl } = libc();
  const flags = durability === "memory" ? MS_ASYNC : MS_SYNC;
  checkZero(
    msync(pointerAt(mapping.pointer, span.byteOffset), BigInt(span.byteLength), flags),
    "msync",
  );
  if (durability !== "disk" || fd === -1) return;
  if (F_FULLFSYNC !== undefined && fcntl(fd, F_FULLFSYNC, 0n) === 0) return;
  checkZero(fsync(fd), "fsync");
}

/**
 * As {@linkcode flushSpan}, on a thread of Deno's pool.
 *
 * @param check looks for pages that are cut off, after the flush: also if the mapping was closed
 * meanwhile, while it still stands
 */
export async function flushSpanOffThread(
  mapping: Mapping,
  span: Span,
  durability: Durability,
  fd: number,
  check: () => void,
): Promise<void> {
  if (durability === "memory") {
    flushSpan(mapping, span, durability, fd);
    return check();
  }
  const { msyncOffThread, fsyncOffThread } = libc();
  const start = pointerAt(mapping.pointer, span.byteOffset);
  await mapping.whilePinned(async () => {
    let call: "msync" | "fsync" = "msync";
    let result = await msyncOffThread(start, BigInt(span.byteLength), MS_SYNC);
    if (result === 0 && durability === "disk" && fd !== -1) {
      call = "fsync";
      result = await fsyncOffThread(fd);
    }
    if (result === 0) return check();
    // The other thread's errno is out of reach. The same call here gives it again, but for a failed
    // write, which the kernel reports once: that one must not get lost.
    flushSpan(mapping, span, durability, fd);
    throw systemError(EIO, call);
  });
}
