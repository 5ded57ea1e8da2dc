/** One mapped range of addresses and the buffers over it: its life from mmap to munmap. */

import { processTable } from "../../ffi/guard/guard.ts";
import type { GuardSlot } from "../../ffi/guard/slot.ts";
import { bufferOver, detach, isDetached, pointerAt, type Range } from "../../ffi/memory.ts";
import { lentBuffer, watchIsolate } from "../../ffi/store/store.ts";
import { system } from "../os/mod.ts";
import type { MapRequest, OpenObject, PlacedRange } from "../os/system.ts";
import { MappingGuard } from "./guard.ts";
import type { Span } from "./pages.ts";
import { addHeld, contentsOf, giveBack, type Owned, withdraw } from "./owned.ts";

/** What is left of a mapping that nobody closed. */
interface Remains {
  readonly owned: Owned;
  readonly epoch: number;
}

const forgotten = new FinalizationRegistry<Remains>(({ owned, epoch }) => {
  // Once something else, or nothing, stands for the memory, this does not matter any more: also where
  // a program has taken `unregister` away.
  if (owned.epoch !== epoch) return;
  giveBack(owned);
  owned.onForgotten();
});

// Captured at load: a program that changes the prototype later cannot keep a region from its end.
const { register, unregister } = FinalizationRegistry.prototype;
const apply = Reflect.apply;

function transferredAway(): TypeError {
  return new TypeError("Cannot resize region as its buffer was transferred away");
}

/** In a Worker, which may be terminated, each mapping needs a slot from the start. */
function slotForLife(): GuardSlot | undefined {
  const table = processTable();
  return table !== undefined && watchIsolate(table) ? table.tryTake() : undefined;
}

/** What a mapping that leaves its memory to others needs more: they get its object. */
interface Share {
  readonly object: OpenObject | undefined;
  readonly slot: GuardSlot | undefined;
}

function discard({ object, slot }: Share): void {
  slot?.free();
  if (object !== undefined) system().objects.close(object);
}

/** A live mapping. It owns the addresses, and an open object. */
export class Mapping {
  readonly #owned: Owned;
  #request: MapRequest;
  /** Made at its first use. */
  #ownBuffer: ArrayBuffer | undefined;
  /** Made when a user asks for it: then Deno, too, may be given its memory. */
  #buffer: ArrayBuffer | undefined;
  #pins = 0;
  #closed = false;
  /** Whether parts of it may have been given another protection than the request's. */
  mixed = false;
  /** Of ranges that the mapping had before. */
  #earlierFaults = 0;

  /**
   * @param object is closed with the mapping. If mapping fails, it is not
   * @param onForgotten called if nobody closes the mapping; must not hold it
   * @throws the system error of `mmap`
   */
  constructor(request: MapRequest, object: OpenObject | undefined, onForgotten: () => void) {
    const placed = system().memory.place(request);
    this.#request = request;
    const slot = slotForLife();
    this.#owned = { placed, object, onForgotten, epoch: 0, guard: undefined, slot, exposed: false };
    this.#describe();
    try {
      if (request.guarded) this.beginGuard();
    } catch (error) {
      slot?.free();
      system().memory.unmap(placed.pages);
      throw error;
    }
    this.#register(this);
  }

  /** @param last what the memory is kept for: when it is collected, the mapping is given back */
  #register(last: WeakKey): void {
    const owned = this.#owned;
    apply(register, forgotten, [last, { owned, epoch: owned.epoch }, this]);
  }

  #unregister(): void {
    this.#owned.epoch++;
    apply(unregister, forgotten, [this]);
  }

  /** What `mmap` would have to be asked for to get this mapping as it is now. */
  get request(): MapRequest {
    return this.#request;
  }

  get range(): Range {
    return this.#owned.placed.range;
  }

  get pointer(): Deno.PointerObject {
    return this.range.pointer;
  }

  /** Where a part of it lies. */
  part({ byteOffset, byteLength }: Span): Range {
    return { pointer: pointerAt(this.pointer, byteOffset), byteLength };
  }

  /** The address as a number. */
  get address(): bigint {
    return BigInt(this.#owned.placed.start);
  }

  get byteLength(): number {
    return this.range.byteLength;
  }

  /** The range, and the addresses behind it that are the mapping's own too. */
  get placed(): PlacedRange {
    return this.#owned.placed;
  }

  /** For this module's own use: no operation of Deno is ever given views of it. */
  get ownBuffer(): ArrayBuffer {
    return this.#ownBuffer ??= this.#makeOwnBuffer();
  }

  #makeOwnBuffer(): ArrayBuffer {
    const buffer = bufferOver(this.range);
    this.#unregister();
    this.#register(buffer); // views of it may outlive this object
    return buffer;
  }

  #dropOwnBuffer(): void {
    if (this.#ownBuffer === undefined) return;
    this.#unregister();
    this.#ownBuffer = undefined;
    this.#register(this);
  }

  /** The one buffer for users. */
  get buffer(): ArrayBuffer {
    return this.#buffer ??= this.#lend();
  }

  #lend(): ArrayBuffer {
    const owned = this.#owned;
    const table = processTable();
    const slot = owned.slot ??= table?.tryTake();
    this.#describe();
    const buffer = table && slot && lentBuffer(owned.placed.start, this.byteLength, slot, table);
    owned.exposed ||= buffer === undefined;
    return buffer ?? this.ownBuffer;
  }

  get guard(): MappingGuard | undefined {
    return this.#owned.guard;
  }

  /** Faults that the guard has absorbed; also after `close`. */
  get faults(): number {
    return this.#earlierFaults + (this.guard?.faults ?? 0);
  }

  /**
   * Absorbs faults from now on, if it does not yet and there is a guard.
   *
   * @throws {Error} If too many mappings are guarded.
   */
  beginGuard(): void {
    const owned = this.#owned;
    if (owned.guard !== undefined) return;
    owned.guard = MappingGuard.take(this.range, this.#request, owned.slot);
    owned.slot ??= owned.guard?.slot;
    this.#describe();
  }

  #describe(): void {
    const { slot } = this.#owned;
    slot?.describe(contentsOf(this.#owned));
  }

  /** Whether a call on another thread works on the addresses. */
  get pinned(): boolean {
    return this.#pins > 0;
  }

  /** Keeps the addresses mapped while `call` works on them on another thread, beyond `close`. */
  async whilePinned<T>(call: () => Promise<T>): Promise<T> {
    this.#pins++;
    try {
      return await call();
    } finally {
      this.#pins--;
      if (this.#closed && !this.pinned) this.#end();
    }
  }

  /** Takes the buffers from their views. @returns whether that is all of them */
  #detach(): boolean {
    // The user's first: it alone may have been transferred away.
    if (this.#buffer !== undefined && !detach(this.#buffer)) return false;
    if (this.#ownBuffer !== undefined && this.#buffer !== this.#ownBuffer) detach(this.#ownBuffer);
    return true;
  }

  /** @throws {TypeError} If the user's buffer was transferred away. */
  checkPresent(): void {
    if (this.#buffer !== undefined && isDetached(this.#buffer)) throw transferredAway();
  }

  /**
   * Takes the buffers from their views, lets `change` make another range, and goes on with that; with
   * the old range if it throws.
   *
   * @param change `used` says that an operation of Deno still uses the old memory. Then the old range
   * must stay as it is, but for becoming longer; it is given back when the last of them has ended.
   */
  move(byteLength: number, change: (used: boolean) => PlacedRange): void {
    if (!this.#detach()) throw transferredAway();
    this.#buffer = undefined;
    this.#dropOwnBuffer();
    const owned = this.#owned;
    const used = owned.slot?.used ?? false;
    const guarded = this.guard !== undefined;
    let share = used ? this.#prepareToLeave(guarded) : undefined;
    if (!used) this.guard?.suspend();
    try {
      const placed = change(used);
      if (share !== undefined && placed.start !== owned.placed.start) {
        this.#leave(share);
        share = undefined;
      }
      owned.placed = placed;
      this.#request = { ...this.#request, byteLength };
    } finally {
      if (share !== undefined) discard(share);
      this.#describe();
      this.guard?.resume(this.range, this.#request);
      if (guarded) this.beginGuard();
    }
  }

  /** Takes what is needed to go on without the old range, before anything changes. */
  #prepareToLeave(guarded: boolean): Share {
    const { object } = this.#owned;
    const slot = guarded ? processTable()!.take() : slotForLife();
    try {
      return { object: object && system().objects.duplicate(object), slot };
    } catch (error) {
      slot?.free();
      throw error;
    }
  }

  /** Leaves the old range, its slot and a duplicate of the object to those who use it. */
  #leave({ object, slot }: Share): void {
    const owned = this.#owned;
    this.#earlierFaults = this.faults;
    addHeld(giveBack({ ...owned, object }));
    owned.guard = undefined;
    owned.slot = slot;
  }

  /** Takes the buffers from their views and gives the addresses back. Once only. */
  close(): void {
    this.#unregister();
    this.#closed = true;
    this.#detached = this.#detach();
    if (!this.pinned) this.#end();
  }

  /** Closes the mapping, and leaves the object to the caller. */
  closeWithoutObject(): void {
    this.#owned.object = undefined;
    this.close();
  }

  /** Whether `close` could take the buffers from every view of the memory. */
  #detached = false;

  #end(): void {
    const owned = this.#owned;
    this.#earlierFaults = this.faults;
    if (!this.#detached && !owned.exposed) withdraw(owned);
    // Buffers that do not tell who uses them have lost all their views by now.
    if (this.#detached) owned.exposed = false;
    addHeld(giveBack(owned));
    owned.guard = undefined;
    owned.slot = undefined;
    this.#buffer = undefined; // it may be one that could not be detached
  }
}
