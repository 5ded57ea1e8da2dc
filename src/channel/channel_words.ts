/** The words of a channel: who awaits one of its bells is woken by a doorbell where that can be. */

import { system } from "../os/mod.ts";
import type { DoorbellSystem } from "../os/system.ts";
import type { RegionBacking } from "../region/backing.ts";
import { backingOf, type MmapRegion } from "../region/mmap_region.ts";
import { RegionWords } from "../wait/region_words.ts";
import { Sleepers } from "../wait/sleepers.ts";
import type { WaitResult, Words } from "../wait/words.ts";
import { Ropes } from "./doorbells.ts";
import { BELL_SLEEPERS, BELLS } from "./layout.ts";
import type { RungWaits, Sleeper } from "./rung_waits.ts";

/** The words of one channel. */
export class ChannelWords extends RegionWords {
  readonly #backing: RegionBacking;
  readonly #byteOffset: number;
  /** Whether this thread may spin for an answer, once it has woken somebody. */
  spins = true;

  constructor(region: MmapRegion, byteOffset: number, byteLength: number, action: string) {
    super(region, byteOffset, byteLength, action);
    this.#backing = backingOf(region);
    this.#byteOffset = byteOffset;
  }

  /** What the objects at one place have in common; undefined on systems without doorbells. */
  get #place(): Place | undefined {
    const { doorbells } = system().waiting;
    return doorbells && placeAt(this.#backing, this.#byteOffset, doorbells);
  }

  override waitSync(index: number, expected: number, timeoutMs: number): WaitResult {
    if (!BELLS.includes(index)) return super.waitSync(index, expected, timeoutMs);
    const sleepers = new Sleepers(this, BELL_SLEEPERS);
    // Before the system looks at the bell: pairs with the load in `wake`.
    sleepers.announce();
    try {
      return super.waitSync(index, expected, timeoutMs);
    } finally {
      sleepers.leave();
    }
  }

  override wait(
    index: number,
    expected: number,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<WaitResult> {
    if (!BELLS.includes(index)) return super.wait(index, expected, timeoutMs, signal);
    return this.#sleeper()?.wait(this.cells, index, expected, timeoutMs, signal) ??
      this.#waitForBell(index, expected, timeoutMs, signal);
  }

  /** Waits for the bell itself. */
  async #waitForBell(...wait: Parameters<Words["wait"]>): Promise<WaitResult> {
    const sleepers = new Sleepers(this, BELL_SLEEPERS);
    sleepers.announce();
    const leave = (): void => sleepers.leave();
    const callOff = this.beforeEnd(leave);
    try {
      return await super.wait(...wait);
    } finally {
      callOff();
      leave();
    }
  }

  /** Undefined if this isolate has no doorbell, or not yet. */
  #sleeper(): Sleeper | undefined {
    const place = this.#place;
    if (place === undefined) return undefined;
    if (place.sleeper === undefined) {
      const waits = rungWaits(place.system);
      if (waits !== undefined) place.sleeper = waits.sleeperIn(this.cells, this.threads);
    }
    return place.sleeper;
  }

  override wake(index: number, count: number): number {
    if (!BELLS.includes(index)) return super.wake(index, count);
    const { cells } = this;
    // After the change of the bell: pairs with the announcements above.
    const woken = Atomics.load(cells, BELL_SLEEPERS) === 0 ? 0 : super.wake(index, count);
    this.#place?.ropes.ring(cells);
    if (this.spins) waits?.expect();
    return woken;
  }
}

interface Place {
  readonly system: DoorbellSystem;
  readonly ropes: Ropes;
  /** This isolate's slot. */
  sleeper: Sleeper | undefined;
}

const known = new WeakMap<RegionBacking, Map<number, Place>>();

function placeAt(backing: RegionBacking, byteOffset: number, system: DoorbellSystem): Place {
  let places = known.get(backing);
  if (places === undefined) known.set(backing, places = new Map());
  let place = places.get(byteOffset);
  if (place === undefined) {
    const ropes = new Ropes(system);
    places.set(byteOffset, place = { system, ropes, sleeper: undefined });
    backing.onClose(() => ropes.close());
  }
  return place;
}

let waits: RungWaits | undefined;
let asked = false;

/** The waits of this isolate; undefined while its doorbell is being made, and if it can have none. */
function rungWaits(system: DoorbellSystem): RungWaits | undefined {
  if (!asked) {
    asked = true;
    load(system);
  }
  return waits;
}

/** Loads what programs that never await need not load. */
async function load(system: DoorbellSystem): Promise<void> {
  try {
    const doorbell = await system.make(() => waits?.look());
    if (doorbell === undefined) return;
    const { RungWaits } = await import("./rung_waits.ts");
    waits = new RungWaits(doorbell);
  } catch {
    // No descriptor is left: this isolate waits by the words themselves.
  }
}
