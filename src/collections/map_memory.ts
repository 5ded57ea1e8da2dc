/** The memory of a map: its views and its layout, while the map and its region are open. */

import type { LossWatch } from "../mapping/loss.ts";
import { system } from "../os/mod.ts";
import { backingOf } from "../region/mmap_region.ts";
import { ownView } from "../region/own_view.ts";
import { reserve } from "../region/reserve.ts";
import { lossWatchOf } from "../wait/loss_watches.ts";
import { checkRoom, layoutNow, type MapLayout, RESIZES } from "./map_layout.ts";
import type { MapInMemory } from "./map_reader.ts";
import type { Place } from "./place.ts";

const NO_BYTES = new Uint8Array();
const NO_WORDS = new Int32Array();

/** The maps of this isolate whose `update` is running a function of the caller. */
const changing: MapMemory[] = [];

/** Views that follow the region when it is resized, and a layout that follows the map. */
export class MapMemory implements MapInMemory {
  readonly #place: Place;
  readonly pooled: boolean;
  layout: MapLayout;
  #lossWatch: LossWatch;
  #closed = false;
  #bytes: Uint8Array = NO_BYTES;
  #words: Int32Array = NO_WORDS;
  #identity: unknown;

  constructor(place: Place, layout: MapLayout, pooled: boolean) {
    this.#place = place;
    this.pooled = pooled;
    this.layout = layout;
    this.#lossWatch = this.#watch();
    reserve(backingOf(place.region), 0, layout.byteLength);
    this.#view();
    this.settle("open map");
  }

  /** @throws {Deno.errors.BadResource} If the map or the region is closed. */
  get words(): Int32Array {
    if (this.#words.length === 0) this.#view();
    if (changing.length > 0) this.#checkIdle();
    return this.#words;
  }

  /** @throws {Deno.errors.BadResource} If the map or the region is closed. */
  get bytes(): Uint8Array {
    if (this.#bytes.length === 0) this.#view();
    return this.#bytes;
  }

  get closed(): boolean {
    return this.#closed || this.#place.region.closed;
  }

  /**
   * Must be called after data were read or written.
   *
   * @throws {MappingFaultError} If a page of it was lost.
   */
  check(): void {
    if (!this.#closed) this.#lossWatch.check();
  }

  /** Whether the layout is still the one in use. */
  get isSettled(): boolean {
    return this.#words[RESIZES] === this.layout.resizes;
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
    const { region } = this.#place;
    if (byteLength > region.byteLength) region.refresh(); // a killed process may have done it
    if (byteLength > region.byteLength) region.resize(byteLength);
    reserve(backingOf(region), 0, byteLength);
    this.#view();
  }

  /** Works with another layout from now on, for which there is room. */
  adopt(layout: MapLayout): void {
    reserve(backingOf(this.#place.region), 0, layout.byteLength);
    this.layout = layout;
    this.#lossWatch = this.#watch();
    this.#view();
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

  /** A file of the map's own grows with it. */
  #watch(): LossWatch {
    const { region, owned } = this.#place;
    const byteLength = owned ? Infinity : this.layout.byteLength;
    return lossWatchOf(backingOf(region), { byteOffset: 0, byteLength });
  }

  #view(): void {
    if (this.closed) throw new Deno.errors.BadResource("Cannot use map: it is closed");
    const { region, owned } = this.#place;
    // The rest of a region of the caller is not part of the map.
    const byteLength = owned ? region.byteLength : this.layout.byteLength;
    this.#bytes = ownView(region, Uint8Array, byteLength);
    this.#words = ownView(region, Int32Array, Math.floor(byteLength / 4));
  }

  close(): void {
    this.#closed = true;
    this.#bytes = NO_BYTES;
    this.#words = NO_WORDS;
  }
}

function identityOf({ region }: Place): unknown {
  const backing = backingOf(region);
  const { object, byteOffset } = backing.attributes;
  if (object === undefined) return backing;
  const { device, inode } = system().objects.status(object);
  return `${device} ${inode} ${byteOffset}`;
}
