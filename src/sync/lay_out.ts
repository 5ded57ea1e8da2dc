/** Several primitives, records and arrays in one region, by their names. */

import { shown } from "../check/options.ts";
import { MmapRegion } from "../region/mmap_region.ts";
import type { RegionHandle } from "../object/handle.ts";
import type { ArrayType, RecordsField } from "../struct/array_type.ts";
import { type FieldOf, Layout } from "../struct/field_type.ts";
import type { RecordMethods, Struct, StructArray, StructRecord } from "../struct/types.ts";
import { placeOffset } from "../wait/place.ts";
import { Barrier, partiesFrom } from "./barrier.ts";
import { Condition } from "./condition.ts";
import { Futex } from "./futex.ts";
import { type Part, placeTable, type Plan, planLayout } from "./layout_table.ts";
import { Mutex } from "./mutex.ts";
import { Once } from "./once.ts";
import { RwLock } from "./rw_lock.ts";
import { Semaphore } from "./semaphore.ts";
import { autoResetFrom, SharedEvent, type SharedEventOptions } from "./shared_event.ts";

/**
 * What a name of a layout stands for: the class of a primitive, a barrier with its parties, an
 * event with its options, a struct, or an array of `./struct`.
 */
export type LayoutPart =
  | typeof Condition
  | typeof Futex
  | typeof Mutex
  | typeof Once
  | typeof RwLock
  | typeof Semaphore
  | typeof SharedEvent
  | readonly [typeof Barrier, parties: number]
  | readonly [typeof SharedEvent, options: SharedEventOptions]
  // deno-lint-ignore no-explicit-any -- any struct, any array
  | Struct<any>
  // deno-lint-ignore no-explicit-any
  | ArrayType<any>;

/** The parts of a layout, by their names. */
export type LayoutShape = Readonly<Record<string, LayoutPart>>;

/** What is at the place of a part. */
export type PlacedPart<P> = P extends readonly [typeof Barrier, unknown] ? Barrier
  : P extends readonly [typeof SharedEvent, unknown] ? SharedEvent
  : P extends new (memory: MmapRegion, byteOffset: number) => infer Primitive ? Primitive
  : P extends Struct<infer F> ? StructRecord<F>
  : FieldOf<P> extends RecordsField<RecordMethods<infer F>> ? StructArray<F>
  : FieldOf<P>;

/** A layout in memory: each part by its name, and the region that they lie in. */
export type PlacedLayout<S extends LayoutShape> =
  & { readonly [K in keyof S]: PlacedPart<S[K]> }
  & Disposable
  & {
    /** Where it lies. */
    readonly region: MmapRegion;
    /** Closes the region, unless it was the caller's: that one stays open. */
    close(): void;
  };

/** What {@linkcode layOut} returns. */
export interface MemoryLayout<S extends LayoutShape> {
  /** The memory that it takes, in bytes: a multiple of 64. */
  readonly byteLength: number;
  /**
   * Makes it in memory of zeros, or joins the same layout that is there; any number of processes
   * may do so at once.
   *
   * @param region by default anonymous memory, which others reach by its handle
   * @param byteOffset where it begins, a multiple of 64
   * @throws {Deno.errors.InvalidData} If another layout is there, or other bytes than zeros.
   * @throws {RangeError} If the region is too short, or the offset is not a multiple of 64.
   * @throws {TypeError} If the region has access "read".
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  create(region?: MmapRegion, byteOffset?: number): PlacedLayout<S>;
  /**
   * Joins what another process has created.
   *
   * @throws {Deno.errors.InvalidData} If another layout is there, or none.
   * @throws {TypeError} If it has primitives, and the region has access "read".
   * @throws as `MmapRegion.attach`, if a handle is given
   */
  attach(region: MmapRegion | RegionHandle | string, byteOffset?: number): PlacedLayout<S>;
}

/** A part, and how to make its object. */
interface Placing extends Part {
  at(region: MmapRegion, byteOffset: number): unknown;
}

const ACTION = "lay out memory";

/** The names that a placed layout has already. */
const RESERVED = ["region", "close"];

/** The primitives that need nothing but a place, with their kinds. */
const SIMPLE = new Map<unknown, Part["kind"]>([
  [Futex, "futex"],
  [Mutex, "mutex"],
  [RwLock, "rwlock"],
  [Semaphore, "semaphore"],
  [Condition, "condition"],
  [SharedEvent, "event"],
  [Once, "once"],
]);

/** @throws {TypeError} If it cannot have a place. */
function placingOf(name: string, part: unknown): Placing {
  if (!name.isWellFormed() || RESERVED.includes(name)) {
    throw new TypeError(`Cannot ${ACTION} as no part can have the name "${name}"`);
  }
  if (part instanceof Layout) return typedPlacing(name, part);
  if (Array.isArray(part) && part[0] === Barrier) return barrierPlacing(name, part[1]);
  if (Array.isArray(part) && part[0] === SharedEvent) return eventPlacing(name, part[1]);
  const kind = SIMPLE.get(part);
  if (kind === undefined) throw noPart(name, part);
  const Primitive = part as typeof Mutex;
  const at = (region: MmapRegion, byteOffset: number): unknown => new Primitive(region, byteOffset);
  return { name, kind, detail: 0, type: "", byteLength: Primitive.byteLength, at };
}

function noPart(name: string, part: unknown): TypeError {
  return new TypeError(
    `Cannot ${ACTION} as '${name}' must be the class of a primitive, [Barrier, parties], ` +
      `[SharedEvent, options], a struct or an array(): received ${shown(part)}`,
  );
}

function barrierPlacing(name: string, wanted: unknown): Placing {
  const parties = partiesFrom(wanted, ACTION);
  const at = (region: MmapRegion, byteOffset: number): Barrier =>
    new Barrier(region, byteOffset, parties);
  return { name, kind: "barrier", detail: parties, type: "", byteLength: Barrier.byteLength, at };
}

function eventPlacing(name: string, options: SharedEventOptions | undefined): Placing {
  const autoReset = autoResetFrom(ACTION, options);
  const at = (region: MmapRegion, byteOffset: number): SharedEvent =>
    new SharedEvent(region, byteOffset, { autoReset });
  const { byteLength } = SharedEvent;
  return { name, kind: "event", detail: autoReset ? 1 : 0, type: "", byteLength, at };
}

/** A struct or an array. */
function typedPlacing(name: string, type: Layout & { at?: Placing["at"] }): Placing {
  if (type.at === undefined) throw noPart(name, type);
  const kind = "length" in type ? "array" : "record";
  const { byteLength, description } = type;
  const at = (region: MmapRegion, byteOffset: number): unknown => type.at!(region, byteOffset);
  return { name, kind, detail: 0, type: description, byteLength, at };
}

/** A layout of parts. */
class NamedLayout {
  readonly byteLength: number;
  readonly #parts: readonly Placing[];
  readonly #plan: Plan;

  constructor(parts: readonly Placing[]) {
    this.#parts = parts;
    this.#plan = planLayout(parts, ACTION);
    this.byteLength = this.#plan.byteLength;
  }

  create(given?: MmapRegion, byteOffset: number = 0): object {
    if (given !== undefined) return this.#place(given, byteOffset, true, false);
    const start = placeOffset(byteOffset, "create layout");
    const region = MmapRegion.anonymous(start + this.byteLength, { label: "mmap layout" });
    return this.#place(region, start, true, true);
  }

  attach(target: MmapRegion | RegionHandle | string, byteOffset: number = 0): object {
    if (target instanceof MmapRegion) return this.#place(target, byteOffset, false, false);
    return this.#place(MmapRegion.attach(target), byteOffset, false, true);
  }

  #place(region: MmapRegion, byteOffset: number, create: boolean, owned: boolean): object {
    try {
      placeTable(region, byteOffset, this.#plan, create);
      return this.#objects(region, byteOffset, owned);
    } catch (error) {
      if (owned) region.close();
      throw error;
    }
  }

  #objects(region: MmapRegion, byteOffset: number, owned: boolean): object {
    const placed = new Placed(region, owned);
    for (const [i, part] of this.#parts.entries()) {
      const value = part.at(region, byteOffset + this.#plan.byteOffsets[i]!);
      // Defined, not assigned: a name may be that of a setter, such as "__proto__".
      Object.defineProperty(placed, part.name, { value, enumerable: true });
    }
    return placed;
  }
}

/** What is in memory; the parts are properties of it. */
class Placed implements Disposable {
  readonly region: MmapRegion;
  readonly #owned: boolean;

  constructor(region: MmapRegion, owned: boolean) {
    this.region = region;
    this.#owned = owned;
  }

  close(): void {
    if (this.#owned) this.region.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Lays out a region: each name gets a place of its own, so that nobody counts offsets and nothing
 * overlaps. In front of them is a table of the names, kinds and places. So whoever attaches with
 * another layout gets an error, and programs that only look can tell what is there: see
 * `layout_table.ts`.
 *
 * The places follow the order of the names, each at a multiple of 64. Everything begins as zeros.
 * Records and arrays end with `region.resize()`, as views do; the primitives follow it.
 *
 * @throws {TypeError} If there is no part, a part is none of {@linkcode LayoutPart}, or its name is
 * "region" or "close".
 * @throws {RangeError} If the number of a barrier's parties is out of range.
 *
 * @example A lock, what it protects, and who is ready
 * ```ts
 * import { layOut, Mutex, SharedEvent } from "@mmap/mmap/sync";
 * import { array, f64, struct, u32 } from "@mmap/mmap/struct";
 * import { assertEquals } from "@std/assert";
 *
 * const Shared = layOut({
 *   mutex: Mutex,
 *   ready: [SharedEvent, { autoReset: true }],
 *   state: struct({ jobs: u32 }),
 *   hits: array(f64, 1024),
 * });
 *
 * using shared = Shared.create(); // children: Shared.attach(MmapRegion.fromEnv())
 * {
 *   using _guard = shared.mutex.lockSync();
 *   shared.state.jobs += 1;
 *   shared.hits[3]! += 0.5;
 * }
 * using same = Shared.attach(shared.region.handle());
 * assertEquals([same.state.jobs, same.hits[3]], [1, 0.5]);
 * ```
 */
export function layOut<const S extends LayoutShape>(shape: S): MemoryLayout<S> {
  if (shape === null || typeof shape !== "object") {
    throw new TypeError(
      `Cannot ${ACTION} as its parts must be an object: received ${shown(shape)}`,
    );
  }
  const parts = Object.entries(shape).map(([name, part]) => placingOf(name, part));
  if (parts.length === 0) throw new TypeError(`Cannot ${ACTION} as it must have at least one part`);
  return new NamedLayout(parts) as unknown as MemoryLayout<S>;
}
