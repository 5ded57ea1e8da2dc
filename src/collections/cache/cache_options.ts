/** The options of a cache and of its operations. */

import { checkOptions, choice, flag, type Names, optionalSignal } from "../../check/options.ts";
import type { CodecLike } from "../codec.ts";

/** Options of `SharedCache.open`. Sizes need not be given for an existing cache. */
export interface SharedCacheOptions<T = Uint8Array> {
  /**
   * The length of the whole in bytes, index included: 65,536 to 2^32. A new file needs it; in a
   * region it is the region's length by default.
   */
  byteLength?: number;
  /**
   * A guess at the average length of an entry in bytes, key and value together. The index is sized
   * by it. A wrong guess costs time or memory, but no entry.
   * @default {256}
   */
  averageEntryByteLength?: number;
  /**
   * The longest entry, key and value together: at most a sixth of a shard.
   * @default {an eighth of a shard}
   */
  maxEntryByteLength?: number;
  /**
   * How many parts the cache has, 1 to 64, each with a lock for its writers. What lives is spread
   * over them by chance, so they should be long beside the entries.
   * @default {one for each 4 MiB}
   */
  shards?: number;
  /** How long entries live if `set` does not say, in milliseconds. @default {Infinity} */
  ttl?: number;
  /** How values become bytes: a {@linkcode Codec}, or a struct. @default {bytes} */
  codec?: CodecLike<T>;
  /**
   * How many decoded values this isolate keeps beside the cache, by string keys. A value that is
   * found again unchanged is the same object, which must not be changed.
   * @default {0}
   */
  local?: number;
  /**
   * Create the cache if the file does not exist or is empty. In an all-zero region it is always
   * created.
   * @default {false}
   */
  create?: boolean;
  /**
   * Whether copies of up to 1 KiB share buffers, as Node's `Buffer`s do: see `SharedMapOptions`.
   * @default {false}
   */
  pooled?: boolean;
}

/** Options of `SharedCache.namespace`. */
export interface NamespaceOptions<T = Uint8Array> {
  /** How long its entries live if `set` does not say, in milliseconds. @default {the cache's} */
  ttl?: number;
  /** How its values become bytes. @default {the cache's} */
  codec?: CodecLike<T>;
  /** How many decoded values this isolate keeps: see `SharedCacheOptions`. @default {0} */
  local?: number;
}

/** Options of `update` and `compareAndSet`. */
export interface UpdateOptions {
  /** How long the entry lives from now on, in milliseconds. @default {the cache's} */
  ttl?: number;
  /** How long it is stale then, in milliseconds, before it is gone. @default {0} */
  staleFor?: number;
  /**
   * False: throw `Deno.errors.WriteZero` rather than push out an entry that lives. If there is no room
   * at all, a value that is no longer than the old one is written over it; a process that dies
   * meanwhile loses the entry.
   * @default {true}
   */
  evict?: boolean;
}

/** Options of `set`. */
export interface CacheSetOptions extends UpdateOptions {
  /** Set only if the key is there, or if it is not. By default in any case. */
  if?: "absent" | "present";
}

/** Options of `getEntry`. */
export interface GetEntryOptions {
  /** Whether this counts as a use. @default {true} */
  use?: boolean;
  /** Whether to give an entry that is stale. @default {false} */
  stale?: boolean;
}

/** Options of `increment`. */
export interface IncrementOptions {
  /** What a missing key counts from. @default {0} */
  initial?: number;
  /** How long a new number lives, in milliseconds. @default {the cache's} */
  ttl?: number;
  /** As in {@linkcode UpdateOptions}. @default {true} */
  evict?: boolean;
}

/** Options of `getOrCompute`. */
export interface ComputeOptions extends CacheSetOptions {
  /** Ends the wait. The call throws the signal's reason. */
  signal?: AbortSignal;
  /** How long to keep that there is nothing, in milliseconds. By default it is not kept. */
  undefinedTtl?: number;
  /** After so many milliseconds who waits computes for itself. @default {30000} */
  patience?: number;
  /** Whether to give a stale value if `compute` throws. @default {false} */
  staleOnError?: boolean;
}

export const OPEN_CACHE: Names<SharedCacheOptions> = {
  byteLength: true,
  averageEntryByteLength: true,
  maxEntryByteLength: true,
  shards: true,
  ttl: true,
  codec: true,
  local: true,
  create: true,
  pooled: true,
};
export const NAMESPACE: Names<NamespaceOptions> = { ttl: true, codec: true, local: true };
const UPDATE: Names<UpdateOptions> = { ttl: true, staleFor: true, evict: true };
const SET: Names<CacheSetOptions> = { ...UPDATE, if: true };
const GET_ENTRY: Names<GetEntryOptions> = { use: true, stale: true };
const INCREMENT: Names<IncrementOptions> = { initial: true, ttl: true, evict: true };
const COMPUTE: Names<ComputeOptions> = {
  ...SET,
  signal: true,
  undefinedTtl: true,
  patience: true,
  staleOnError: true,
};

/** How to write an entry. */
export interface Writing {
  readonly ttl: number;
  readonly staleFor: number;
  readonly evict: boolean;
  readonly condition: "absent" | "present" | undefined;
}

/** How to compute a value. */
export interface Computing extends Writing {
  readonly signal: AbortSignal | undefined;
  readonly undefinedTtl: number | undefined;
  readonly patience: number;
  readonly staleOnError: boolean;
}

/**
 * A lifetime in milliseconds: above 0.
 *
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is not above 0.
 */
export function lifetime(value: unknown, name: string, action: string, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== "number") {
    throw new TypeError(`Cannot ${action} as ${name} must be a number: received ${typeof value}`);
  }
  if (value > 0) return value;
  throw new RangeError(`Cannot ${action} as ${name} must be above 0: received ${value}`);
}

/** A length of time in milliseconds, of at least 0. */
function span(value: unknown, name: string, action: string, fallback: number): number {
  return value === 0 ? 0 : lifetime(value, name, action, fallback);
}

const USUAL: Writing = { ttl: Infinity, staleFor: 0, evict: true, condition: undefined };

/** @throws {TypeError} @throws {RangeError} */
export function setOptions(
  options: CacheSetOptions | undefined,
  ttl: number,
  action: string,
): Writing {
  if (options === undefined) return ttl === Infinity ? USUAL : { ...USUAL, ttl };
  checkOptions(options, SET, action);
  return writing(options, ttl, action);
}

/** @throws {TypeError} @throws {RangeError} */
export function updateOptions(
  options: UpdateOptions | undefined,
  ttl: number,
  action: string,
): Writing {
  if (options !== undefined) checkOptions(options, UPDATE, action);
  return writing(options ?? {}, ttl, action);
}

function writing(options: CacheSetOptions, ttl: number, action: string): Writing {
  return {
    ttl: lifetime(options.ttl, "ttl", action, ttl),
    staleFor: span(options.staleFor, "staleFor", action, 0),
    evict: flag(options.evict, "evict", action, true),
    condition: choice(options.if, ["absent", "present"], "if", action),
  };
}

/** @throws {TypeError} */
export function getEntryOptions(
  options: GetEntryOptions,
  action: string,
): { readonly use: boolean; readonly stale: boolean } {
  checkOptions(options, GET_ENTRY, action);
  return {
    use: flag(options.use, "use", action, true),
    stale: flag(options.stale, "stale", action, false),
  };
}

/** @throws {TypeError} @throws {RangeError} */
export function incrementOptions(
  options: IncrementOptions,
  ttl: number,
  action: string,
): Writing & { readonly initial: number } {
  checkOptions(options, INCREMENT, action);
  return {
    ...USUAL,
    ttl: lifetime(options.ttl, "ttl", action, ttl),
    evict: flag(options.evict, "evict", action, true),
    initial: amount(options.initial, "initial", action, 0),
  };
}

/** A number to count with. @throws {TypeError} If it is none. */
export function amount(value: unknown, name: string, action: string, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  const received = typeof value === "number" ? "NaN" : typeof value;
  throw new TypeError(`Cannot ${action} as ${name} must be a number: received ${received}`);
}

/** @throws {TypeError} @throws {RangeError} */
export function computeOptions(options: ComputeOptions, ttl: number, action: string): Computing {
  checkOptions(options, COMPUTE, action);
  const { undefinedTtl } = options;
  return {
    ...writing(options, ttl, action),
    signal: optionalSignal(options.signal, action),
    undefinedTtl: undefinedTtl === undefined
      ? undefined
      : lifetime(undefinedTtl, "undefinedTtl", action, Infinity),
    patience: span(options.patience, "patience", action, 30_000),
    staleOnError: flag(options.staleOnError, "staleOnError", action, false),
  };
}
