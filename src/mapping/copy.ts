/**
 * Copies between mapped memory and JavaScript's memory that never fault, even if pages are missing.
 */

import { addressOf, addressOfBytes, lengthOf } from "../../ffi/memory.ts";
import { system } from "../os/mod.ts";

/** Copies mapped bytes into `target`. @returns how many, up to the first missing page */
export function copyFromMapped(mapped: Deno.PointerObject, target: Uint8Array): number {
  const { memory } = system();
  return memory.copy("out", addressOfBytes(target), addressOf(mapped), lengthOf(target));
}

/** Copies `source` into a mapping. @returns how many bytes, up to the first missing page */
export function copyToMapped(mapped: Deno.PointerObject, source: Uint8Array): number {
  const { memory } = system();
  return memory.copy("into", addressOfBytes(source), addressOf(mapped), lengthOf(source));
}

/**
 * The first page in [page, pages) that cannot be read; `pages` if all can.
 *
 * @param start the address of page 0
 */
export function firstMissing(start: bigint, page: number, pages: number, step: number): number {
  const { memory } = system();
  const byte = addressOfBytes(new Uint8Array(1));
  while (page < pages && memory.copy("out", byte, start + BigInt(page * step), 1) === 1) page++;
  return page;
}
