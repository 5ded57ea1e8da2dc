/** The memory of a map: its views and its layout, while the map and its region are open. */

import { system } from "../os/mod.ts";
import { backingOf } from "../region/mmap_region.ts";
import { reserve } from "../region/reserve.ts";
import { checkRoom, layoutNow, type MapLayout, RESIZES } from "./map_layout.ts";
import type { MapInMemory } from "./map_reader.ts";
import type { Place } from "./place.ts";
import { RegionMemory } from "./region_memory.ts";

/** The maps of this isolate whose `update` is running a function of the caller. */
const changing: MapMemory[] = [];

/** Views that follow the region when it is resized, and a layout that follows the map. */
export class MapMemory extends RegionMemory implements MapInMemory {
  readonly #place: Place;
  layout: MapLayout;
  #identity: unknown;

  constructor(place: Place, layout: MapLayout, pooled: boolean) {
    super(place.region, layout.byteLength, "map", pooled);
    this.#place = place;
    this.layout = layout;
    this.adopt(layout);
    this.settle("open map");
  }

  /** @throws {Deno.errors.BadResource} If the map or the region is closed. */
  override get words(): Int32Array {
    const words = super.words;
    if (changing.length > 0) this.#checkIdle();
    return words;
  }

  /** Whether the layout is still the one in use. */
  get isSettled(): boolean {
    return super.words[RESIZES] === this.layout.resizes;
  }

  /**
   * Follows a resize of the map: look-ups do so without the lock, changes with it.
   *
   * @throws {Deno.errors.InvalidData} If the map is damaged, or has grown beyond a region of the
   * caller.
   */
  settle(action: string): void {
    if (this.words[RESIZES] === this.layout.resizes) return;
    this.check(); // before the file is mapped anew, with pages that were lost
    const { region, owned } = this.#place;
    const layout = layoutNow(this.words, this.layout, action);
    if (owned && layout.byteLength > region.byteLength) region.refresh();
    checkRoom(layout, region.byteLength, action);
    this.adopt(layout);
  }

  /** Makes the file long enough for a layout, unless it is. @throws {Error} ENOSPC */
  makeRoom({ byteLength }: MapLayout): void {
    const { region } = this;
    if (byteLength > region.byteLength) region.refresh(); // a killed process may have done it
    if (byteLength > region.byteLength) region.resize(byteLength);
    reserve(backingOf(region), 0, byteLength);
    this.#coverMap();
  }

  /** Works with another layout from now on, for which there is room. */
  adopt(layout: MapLayout): void {
    reserve(backingOf(this.region), 0, layout.byteLength);
    this.layout = layout;
    this.#coverMap();
  }

  /** All of a file of its own, which grows with it; of a region of the caller, what the map takes. */
  #coverMap(): void {
    const { byteLength } = this.layout;
    if (this.#place.owned) this.cover(this.region.byteLength, Infinity);
    else this.cover(byteLength, byteLength);
  }

  /**
   * Runs a function of the caller, which must not use the map: the lock is held.
   *
   * @throws what the function throws
   */
  whileChanging<T>(change: () => T): T {
    void this.#isAt; // now: the function may close the map
    changing.push(this);
    try {
      return change();
    } finally {
      changing.pop();
    }
  }

  /** @throws {Deno.errors.Busy} If this is called within `update` of the same map. */
  #checkIdle(): void {
    if (!changing.some((other) => other.#isAt === this.#isAt)) return;
    throw new Deno.errors.Busy("Cannot use map: its update is running in this isolate");
  }

  /** The same for two objects at one place. */
  get #isAt(): unknown {
    return this.#identity ??= identityOf(this.#place);
  }
}

function identityOf({ region }: Place): unknown {
  const backing = backingOf(region);
  const { object, byteOffset } = backing.attributes;
  if (object === undefined) return backing;
  const { device, inode } = system().objects.status(object);
  return `${device} ${inode} ${byteOffset}`;
}
