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

/** The remains of a mapping that nobody closed. */
interface Remains {
  readonly owned: Owned;
  readonly epoch: number;
}

const forgotten = new FinalizationRegistry<Remains>(({ owned, epoch }) => {
  // If the mapping has another buffer now, or was closed, this call is out of date. It comes even
  // so if a program has replaced `unregister`.
  if (owned.epoch !== epoch) return;
  giveBack(owned);
  owned.onForgotten();
});

// Captured at load: a program that changes the prototype later cannot prevent a region's end.
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

/** What a mapping needs when it leaves its memory and its object to others. */
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
  /** The module's own buffer, made at its first use. */
  #ownBuffer: ArrayBuffer | undefined;
  /**
   * The users' buffer, made when a user asks for it: then operations of Deno may use its memory
   * too.
   */
  #buffer: ArrayBuffer | undefined;
  #pins = 0;
  #closed = false;
  /** Whether parts of it may have been given another protection than the request's. */
  mixed = false;
  /** The faults of ranges that the mapping had before. */
  #earlierFaults = 0;

  /**
   * @param object is closed with the mapping; if mapping fails, it stays open
   * @param onForgotten called if nobody closes the mapping; must not reference it
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

  /**
   * @param last the object that keeps the memory: when it is collected, the mapping is given back
   */
  #register(last: WeakKey): void {
    const owned = this.#owned;
    apply(register, forgotten, [last, { owned, epoch: owned.epoch }, this]);
  }

  #unregister(): void {
    this.#owned.epoch++;
    apply(unregister, forgotten, [this]);
  }

  /** The request that would map this range as it is now. */
  get request(): MapRequest {
    return this.#request;
  }

  get range(): Range {
    return this.#owned.placed.range;
  }

  get pointer(): Deno.PointerObject {
    return this.range.pointer;
  }

  /** The addresses of a part of it. */
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

  /** The range, with the addresses after it that also belong to the mapping. */
  get placed(): PlacedRange {
    return this.#owned.placed;
  }

  /** The buffer for this module's own use: no operation of Deno ever gets views of it. */
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

  /** The faults that the guard has absorbed; also valid after `close`. */
  get faults(): number {
    return this.#earlierFaults + (this.guard?.faults ?? 0);
  }

  /**
   * Starts to absorb faults, if there is a guard.
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

  /** Whether a call on another thread is using the addresses. */
  get pinned(): boolean {
    return this.#pins > 0;
  }

  /** Keeps the addresses mapped while `call` uses them on another thread, even after `close`. */
  async whilePinned<T>(call: () => Promise<T>): Promise<T> {
    this.#pins++;
    try {
      return await call();
    } finally {
      this.#pins--;
      if (this.#closed && !this.pinned) this.#end();
    }
  }

  /** Detaches the buffers. @returns whether no view of the memory is left */
  #detach(): boolean {
    // The users' buffer comes first: only that one may have been transferred away.
    if (this.#buffer !== undefined && !detach(this.#buffer)) return false;
    if (this.#ownBuffer !== undefined && this.#buffer !== this.#ownBuffer) detach(this.#ownBuffer);
    return true;
  }

  /** @throws {TypeError} If the user's buffer was transferred away. */
  checkPresent(): void {
    if (this.#buffer !== undefined && isDetached(this.#buffer)) throw transferredAway();
  }

  /**
   * Detaches the buffers, lets `change` make another range, and continues with that; with the old
   * range if it throws.
   *
   * @param change `used` says that an operation of Deno still uses the old memory. Then the old
   * range may only become longer; it is given back when the last such operation has ended.
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

  /** Takes everything that is needed to leave the old range, before anything changes. */
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

  /** Leaves the old range, its slot and a duplicate of the object to those that still use it. */
  #leave({ object, slot }: Share): void {
    const owned = this.#owned;
    this.#earlierFaults = this.faults;
    addHeld(giveBack({ ...owned, object }));
    owned.guard = undefined;
    owned.slot = slot;
  }

  /** Detaches the buffers and gives the addresses back. May be called once only. */
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

  /** Whether `close` could detach every view of the memory. */
  #detached = false;

  #end(): void {
    const owned = this.#owned;
    this.#earlierFaults = this.faults;
    if (!this.#detached && !owned.exposed) withdraw(owned);
    // Buffers that do not tell who uses them have lost all of their views.
    if (this.#detached) owned.exposed = false;
    addHeld(giveBack(owned));
    owned.guard = undefined;
    owned.slot = undefined;
    this.#buffer = undefined; // it may be a buffer that could not be detached
  }
}
