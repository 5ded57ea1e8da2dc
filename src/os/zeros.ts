/** Zeros over memory that may be missing, by a system's own way to copy. */

import { addressOf, type Range, withAddressOf } from "../../ffi/memory.ts";
import type { MemorySystem } from "./system.ts";

const ZEROS_BYTE_LENGTH = 65536;

/** Copies zeros over a range. @returns whether all of it was there */
export function copyZeros({ pointer, byteLength }: Range, copy: MemorySystem["copy"]): boolean {
  const start = addressOf(pointer);
  return withAddressOf(new Uint8Array(Math.min(byteLength, ZEROS_BYTE_LENGTH)), (zeros) => {
    for (let done = 0; done < byteLength;) {
      const part = Math.min(byteLength - done, ZEROS_BYTE_LENGTH);
      const count = copy("into", zeros, start + BigInt(done), part);
      if (count < part) return false;
      done += count;
    }
    return true;
  });
}
