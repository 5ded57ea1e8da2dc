/** Reading an entry, without a lock as long as that is possible. */

import { copyOut } from "../copy_out.ts";
import { EXPIRES, INFO, NOTHING_BIT, STALE_FOR, VALUE_LENGTH } from "./cache_layout.ts";
import type { CacheCore } from "./core.ts";
import { CHANGED, MISSING, roomOf, valueAt } from "./lookup.ts";
import { isCleared } from "./dead_units.ts";
import type { Shard } from "./shard.ts";
import type { CacheWriter } from "./writer.ts";

/** What a key has. */
export const ABSENT = 0, FRESH = 1, STALE = 2, NOTHING = 3;

/** What is read of an entry. */
export interface Reading {
  /** Whether to copy the value. */
  readonly copies: boolean;
  /** Of this version it need not be copied. */
  readonly known: number;
}

/** Changes come one after the other; after so many meetings with one it is better to wait. */
const TRIES = 64;

/** How long to wait for a writer that does not go on. */
const PATIENCE_MS = 100;

/** Reads the key of the core. One object serves all reads, and has what the last one found. */
export class CacheReader {
  readonly #core: CacheCore;
  readonly #writer: CacheWriter;
  entry = 0;
  version = 0;
  expiresAt = 0;
  value: Uint8Array<ArrayBuffer> | undefined;

  constructor(core: CacheCore, writer: CacheWriter) {
    this.#core = core;
    this.#writer = writer;
  }

  /** @returns what there is */
  read(shard: Shard, reading: Reading): number {
    const { lookup, key } = this.#core;
    for (let i = 0; i < TRIES; i++) {
      const entry = lookup.find(shard, key);
      if (entry === MISSING) return ABSENT;
      if (entry === CHANGED) continue;
      const state = this.#take(shard, entry, lookup.version, reading);
      if (lookup.isStill(shard, entry)) return state;
    }
    return this.#readLocked(shard, reading);
  }

  /**
   * Where a writer is slow or has died in the middle, its lock tells when nobody writes. One that was
   * stopped may keep it for ever: then there is nothing.
   */
  #readLocked(shard: Shard, reading: Reading): number {
    const read = (): number => {
      const entry = this.#writer.locate(shard);
      if (entry === 0) return ABSENT;
      return this.#take(shard, entry, shard.memory.floats[entry >> 1]!, reading);
    };
    try {
      return this.#core.locked(shard, read, PATIENCE_MS);
    } catch (error) {
      if (error instanceof Deno.errors.TimedOut) return ABSENT;
      throw error;
    }
  }

  #take(shard: Shard, entry: number, version: number, { copies, known }: Reading): number {
    const { memory } = shard;
    const { words, floats } = memory;
    const state = this.stateOf(shard, entry);
    this.entry = entry;
    this.version = version;
    this.expiresAt = floats[entry + EXPIRES >> 1]!;
    this.value = undefined;
    if (!copies || version === known || state === ABSENT || state === NOTHING) return state;
    // Each read once: a writer may change them at any time, which is only noticed afterwards.
    const at = valueAt(words, entry);
    const byteLength = words[entry + VALUE_LENGTH]! >>> 0;
    if (byteLength > roomOf(shard, entry, at)) return ABSENT;
    this.value = copyOut(memory, at, byteLength);
    return state;
  }

  /** What an entry is now. */
  stateOf(shard: Shard, entry: number): number {
    const { words, floats } = shard.memory;
    if (isCleared(shard, entry)) return ABSENT;
    const state = (words[entry + INFO]! & NOTHING_BIT) === 0 ? FRESH : NOTHING;
    const expires = floats[entry + EXPIRES >> 1]!;
    if (expires === Infinity) return state;
    const now = Date.now();
    if (now < expires) return state;
    return state === FRESH && now < expires + floats[entry + STALE_FOR >> 1]! ? STALE : ABSENT;
  }

  /** Counts a use of what was found. */
  use(shard: Shard): void {
    const { bytes } = shard.memory;
    const at = shard.useOf(this.entry);
    const uses = bytes[at]!;
    // Most uses of what is used often write nothing.
    if (uses < 3) bytes[at] = uses + 1;
  }
}
