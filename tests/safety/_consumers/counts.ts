/** What bytes tell of where they come from. */

import { Buffer } from "node:buffer";

/** What the region under test holds. */
export const OWN = 1;
/** What a peer or a file feeds into it. */
export const FED = 2;
/** What the regions hold that are opened behind its end. Nobody else may ever see it. */
export const OTHERS = 7;

/** How many bytes of each kind somebody has got. */
export interface Counts {
  own: number;
  fed: number;
  zeros: number;
  others: number;
  /** Heads and frames of protocols. */
  rest: number;
}

export function noCounts(): Counts {
  return { own: 0, fed: 0, zeros: 0, others: 0, rest: 0 };
}

/** Adds what `bytes` are. */
export function addTo(counts: Counts, bytes: Uint8Array): void {
  const times = new Uint32Array(256);
  for (let i = 0; i < bytes.length; i++) times[bytes[i]!]!++;
  counts.own += times[OWN]!;
  counts.zeros += times[0]!;
  counts.others += times[OTHERS]!;
  counts.fed += times[FED]!;
  counts.rest += bytes.length - times[OWN]! - times[0]! - times[OTHERS]! - times[FED]!;
}

export function countsOf(bytes: Uint8Array | ArrayBuffer): Counts {
  const counts = noCounts();
  addTo(counts, new Uint8Array(bytes as ArrayBuffer));
  return counts;
}

const alike: Buffer[] = [];

/** Whether all of `bytes` is `value`: quickly, by the C library. */
export function isAll(bytes: Uint8Array, value: number): boolean {
  const known = alike[value] ??= Buffer.alloc(1 << 20, value);
  for (let at = 0; at < bytes.length; at += known.length) {
    const part = bytes.subarray(at, at + known.length);
    if (known.compare(part, 0, part.length, 0, part.length) !== 0) return false;
  }
  return true;
}
