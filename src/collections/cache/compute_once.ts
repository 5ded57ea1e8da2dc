/** `SharedCache.getOrCompute`: what is looked for, computed and kept. */

import { NOTHING_BIT } from "./cache_layout.ts";
import type { Computing } from "./cache_options.ts";
import type { CacheKeyLike, CacheView } from "./cache_view.ts";
import { Computations, type Task } from "./compute.ts";
import { keyHashes, keyId } from "./key_id.ts";
import { ABSENT, FRESH, NOTHING, STALE } from "./reader.ts";

/** Makes a value; what callers give. */
export type Compute<T> = (
  key: CacheKeyLike,
  signal: AbortSignal,
) => T | undefined | Promise<T | undefined>;

const NO_BYTES = new Uint8Array();

/** See `SharedCache.getOrCompute`. */
export async function computeOnce<T>(
  view: CacheView<T>,
  key: CacheKeyLike,
  compute: Compute<T>,
  computing: Computing,
): Promise<T | undefined> {
  const { signal, staleFor, staleOnError } = computing;
  signal?.throwIfAborted();
  const found = lookFor(view, key);
  if (found !== undefined && !found.stale) {
    view.core.counts.hits++;
    return found.value;
  }
  if (found === undefined) view.core.counts.misses++;
  else view.core.counts.stale++;
  const computations = view.shared.computations ??= new Computations(view.core);
  const task = taskOf(view, key, compute, computing);
  if (found !== undefined && staleFor > 0) {
    computations.refresh(task);
    return found.value;
  }
  try {
    return await computations.run(task, signal);
  } catch (error) {
    if (!staleOnError || signal?.aborted) throw error;
    const old = lookFor(view, key);
    if (old === undefined) throw error;
    return old.value;
  }
}

function taskOf<T>(
  view: CacheView<T>,
  key: CacheKeyLike,
  compute: Compute<T>,
  computing: Computing,
): Task<T> {
  view.beginChange(key, "compute value");
  return {
    hashes: keyHashes(view.core.key),
    id: keyId(view.core.key),
    patience: computing.patience,
    look: () => {
      const found = lookFor(view, key);
      return found?.stale ? undefined : found;
    },
    compute: (signal) => compute(key, signal),
    keep: (value) => keep(view, key, value, computing),
  };
}

/** What is there, be it nothing, without counting. */
function lookFor<T>(
  view: CacheView<T>,
  key: CacheKeyLike,
): { readonly value: T | undefined; readonly stale: boolean } | undefined {
  const { reader } = view.shared;
  let state = ABSENT;
  try {
    const shard = view.beginChange(key, "compute value");
    state = reader.read(shard, { copies: true, known: 0 });
    if (state === FRESH) reader.use(shard);
  } finally {
    view.core.memory.check();
  }
  if (state === ABSENT) return undefined;
  if (state === NOTHING) return { value: undefined, stale: false };
  return { value: view.codec.codec.decode(reader.value!), stale: state === STALE };
}

function keep<T>(
  view: CacheView<T>,
  key: CacheKeyLike,
  value: T | undefined,
  computing: Computing,
): void {
  const action = "keep value";
  const { undefinedTtl } = computing;
  if (value === undefined && undefinedTtl === undefined) return;
  const bytes = value === undefined ? NO_BYTES : view.encode(value, action);
  const writing = value === undefined
    ? { ...computing, ttl: undefinedTtl!, staleFor: 0 }
    : computing;
  const shard = view.beginChange(key, action);
  const draft = view.draft(bytes, writing, false, value === undefined ? NOTHING_BIT : 0);
  if (draft === undefined) {
    view.core.counts.rejected++;
    return;
  }
  try {
    view.put(shard, draft, writing, action);
  } catch (error) {
    // Who asked gets the value all the same.
    if (!(error instanceof Deno.errors.WriteZero)) throw error;
  }
}
