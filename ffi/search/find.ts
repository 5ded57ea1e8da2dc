/**
 * The search for two bytes of a needle at once, by machine code: see find.c.
 *
 * The code lies in the block of the fault guard, for all isolates of the process. There is none
 * without the guard.
 */

import { guardTable } from "../guard/guard.ts";
import { SEARCH_OFFSET, TABLE_OFFSET } from "../guard/layout.ts";
import { libc } from "../libc.ts";
import { bytesOf } from "../machine_code.ts";
import { addressOfBytes, bufferOver, pointerFrom } from "../memory.ts";
import { BUILD } from "../platform.ts";
import { windows } from "../windows/library.ts";
import { SEARCH_CODE } from "./code.ts";
import { WINDOWS_SEARCH_CODE } from "./code_windows.ts";

/**
 * Finds the first place in [at, end) that a needle begins at, by two of its bytes.
 *
 * @param one the offset of a byte in the needle @param other that of another one, or the same
 * @returns 0n if there is none. If too many comparisons were wasted, -1n times the place where to
 * continue: the needle is not before it
 */
export type FindPair = (
  at: bigint,
  end: bigint,
  needle: bigint,
  needleByteLength: bigint,
  one: bigint,
  other: bigint,
) => bigint;

/** The code for this system's way to call functions, and the library whose `bsearch` calls it. */
const { code: CODE, library } = BUILD.os === "windows"
  ? { code: WINDOWS_SEARCH_CODE, library: windows }
  : { code: SEARCH_CODE, library: libc };

/** Where the search begins behind the question whether it can run: find.c aligns both. */
const FIND_OFFSET = 128n;

/** The parameters of {@linkcode FindPair} in this order, and the answer: `struct request` of find.c. */
const request = new BigInt64Array(7);
const REQUEST = new Uint8Array(request.buffer);
let requestAddress = 0n;

let code = 0n;
let impossible = false;

/** Undefined where this processor or this process cannot run the code. */
export function pairFinder(): FindPair | undefined {
  if (code !== 0n) return findPair;
  const table = impossible ? undefined : guardTable();
  if (table === undefined) return undefined;
  const address = BigInt(table.address - TABLE_OFFSET + SEARCH_OFFSET);
  requestAddress = addressOfBytes(REQUEST);
  impossible = !isOurs(address) || !run(address);
  if (impossible) return undefined;
  code = address + FIND_OFFSET;
  return findPair;
}

/** Another version of this module may have made the block. */
function isOurs(address: bigint): boolean {
  const bytes = bytesOf(CODE);
  // SAFETY: the block stays mapped as long as the process lives; the view ends with this function.
  const range = { pointer: pointerFrom(address)!, byteLength: bytes.length };
  const found = new Uint8Array(bufferOver(range));
  for (let i = 0; bytes[i] !== undefined; i++) if (found[i] !== bytes[i]) return false;
  return true;
}

/**
 * Calls code by `bsearch`, which compares its one element by it: V8 calls a library's functions directly,
 * and `Deno.UnsafeFnPointer` takes a hundred times as long.
 *
 * @returns whether it returned 0
 */
function run(address: bigint): boolean {
  return library().bsearch(requestAddress, requestAddress, 1n, 1n, address) !== 0n;
}

const findPair: FindPair = (at, end, needle, needleByteLength, one, other) => {
  request[0] = at;
  request[1] = end;
  request[2] = needle;
  request[3] = needleByteLength;
  request[4] = one;
  request[5] = other;
  run(code);
  return request[6]!;
};
