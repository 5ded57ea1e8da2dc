/**
 * The names of a cache: sets of keys of their own. Each entry names its namespace, and the epoch that
 * it had; clearing a namespace is one store, after which all its entries are of another epoch.
 */

import { Mutex } from "../../sync/mutex.ts";
import { checksum } from "../checksum.ts";
import { MUTEX_BYTE_OFFSET } from "../header.ts";
import {
  CLEARS,
  NAMESPACE_COUNT,
  NAMESPACE_EPOCH,
  NAMESPACE_LENGTH,
  NAMESPACES,
} from "./cache_layout.ts";
import type { CacheCore } from "./core.ts";

const CODEC = 3;
const encoder = new TextEncoder();

/** Two hashes of a name, of which the first is not 0. */
function hashesOf(name: string): readonly [number, number] {
  const bytes = encoder.encode(name);
  const words = new Int32Array((bytes.length >> 2) + 1);
  new Uint8Array(words.buffer).set(bytes);
  const of = (seed: number): number => checksum(words, 0, bytes.length, seed);
  return [of(1) || 1, of(2)];
}

/**
 * The number of a namespace, which is made if it is new.
 *
 * @throws {Deno.errors.AlreadyExists} If it is there with another codec.
 * @throws {Deno.errors.WriteZero} If there are too many.
 */
export function namespaceOf(
  { region, memory }: CacheCore,
  name: string,
  codec: readonly [number, number],
): number {
  const [first, second] = hashesOf(name);
  const kind = Math.imul(codec[0], 31) + codec[1] | 0;
  using _guard = new Mutex(region, MUTEX_BYTE_OFFSET).lockSync();
  const { words } = memory;
  // Number 0 is the cache itself.
  for (let number = 1; number < NAMESPACE_COUNT; number++) {
    const at = NAMESPACES + NAMESPACE_LENGTH * number;
    if (words[at] === 0) {
      words[at + 1] = second;
      words[at + CODEC] = kind;
      memory.check();
      // If this process dies before this store, nothing was made.
      Atomics.store(words, at, first);
      return number;
    }
    if (words[at] !== first || words[at + 1] !== second) continue;
    if (words[at + CODEC] === kind) return number;
    throw new Deno.errors.AlreadyExists("Cannot open namespace: it is there with another codec");
  }
  throw new Deno.errors.WriteZero(
    `Cannot open namespace: there are ${NAMESPACE_COUNT - 1} already`,
  );
}

/** Forgets all entries of a namespace; of all namespaces, if it is the cache itself. */
export function clearNamespace({ memory }: CacheCore, number: number): void {
  const { words } = memory;
  const last = number === 0 ? NAMESPACE_COUNT - 1 : number;
  for (let each = number; each <= last; each++) {
    Atomics.add(words, NAMESPACES + NAMESPACE_LENGTH * each + NAMESPACE_EPOCH, 1);
  }
  // After the epochs: whoever sees it counts the entries of the new ones.
  Atomics.add(words, CLEARS, 1);
}
