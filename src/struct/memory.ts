/** The memory that records lie in. */

import { wholeNumber } from "../check/numbers.ts";

/**
 * What records can lie in: a region (anything whose `bytes` are a Uint8Array), bytes, or a buffer.
 * Offsets count from its beginning.
 */
export type StructMemory = { readonly bytes: Uint8Array } | Uint8Array | ArrayBufferLike;

/**
 * A view of all of the memory.
 *
 * A DataView knows its bounds and whether its buffer was detached, and V8 makes its methods single
 * instructions with a check of both in front: a region that was closed or resized is a TypeError at
 * the next access, at no cost, whatever the offset's alignment.
 *
 * @throws {TypeError} If it is not memory, or was detached.
 */
export function viewOf(memory: unknown, action: string): DataView {
  const bytes = bytesOf(memory);
  if (bytes !== undefined) return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  throw new TypeError(`Cannot ${action} as the memory must be a region, a Uint8Array or a buffer`);
}

function bytesOf(memory: unknown): Uint8Array | undefined {
  if (memory instanceof Uint8Array) return memory;
  if (memory instanceof ArrayBuffer || memory instanceof SharedArrayBuffer) {
    return new Uint8Array(memory);
  }
  if (memory === null || typeof memory !== "object" || !("bytes" in memory)) return undefined;
  return memory.bytes instanceof Uint8Array ? memory.bytes : undefined;
}

/**
 * Checks that `length` records fit from `byteOffset` on; the default is as many as fit.
 *
 * @returns how many they are
 * @throws {RangeError} If they reach beyond the memory.
 */
export function checkRoom(
  view: DataView,
  { byteOffset, byteLength, length, action }: {
    byteOffset: unknown;
    byteLength: number;
    length: unknown;
    action: string;
  },
): number {
  const start = wholeNumber(byteOffset, "byteOffset", action);
  const room = Math.floor((view.byteLength - start) / byteLength);
  const wanted = length === undefined ? Math.max(room, 0) : wholeNumber(length, "length", action);
  if (start <= view.byteLength && wanted <= room) return wanted;
  throw new RangeError(
    `Cannot ${action} as it must lie within ${view.byteLength} bytes: ` +
      `received byteOffset ${start}, ${wanted} times ${byteLength} bytes`,
  );
}
