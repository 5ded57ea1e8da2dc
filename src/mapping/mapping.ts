/** One mapped range of addresses and the one buffer over it: its life from mmap to munmap. */

import { addressOf, bufferOver, detach, type Range } from "../../ffi/memory.ts";
import { MappingGuard } from "./guard.ts";
import { mapRange, type MapRequest, replaceByZeros, unmapRange } from "./range.ts";

/** What is left to do when a buffer was collected that nobody closed. It holds no buffer. */
interface Estate {
  range: Range;
  guard: MappingGuard | undefined;
  readonly onUnmapped: () => void;
  /** Which buffer is the mapping's present one; each has another number. */
  epoch: number;
}

/** A buffer's place in its mapping's life. */
interface Will {
  readonly estate: Estate;
  readonly epoch: number;
}

const forgotten = new FinalizationRegistry<Will>(({ estate, epoch }) => {
  // Once another buffer, or none, stands for the memory, this one does not matter any more: also
  // where a program has taken `unregister` away.
  if (estate.epoch !== epoch) return;
  // Nobody can tell whether the buffer that was collected had been transferred away: then a view
  // of this memory lives on in another buffer. So the memory and the file are given back here, and
  // the addresses stay taken.
  giveUp(estate);
  estate.onUnmapped();
});

// Captured at load: a program that changes the prototype later cannot keep a region from its end.
const { register, unregister } = FinalizationRegistry.prototype;
const apply = Reflect.apply;

/** Zeros for whoever may still look. @returns the faults that were absorbed */
function giveUp({ range, guard }: Estate): number {
  if (guard !== undefined) return guard.freeToZeros(range);
  replaceByZeros(range);
  return 0;
}

/** A live mapping. It owns the addresses; `onUnmapped` is called once, when they are given back. */
export class Mapping {
  readonly #estate: Estate;
  #request: MapRequest;
  #buffer: ArrayBuffer;
  #address: bigint;
  #pins = 0;
  #closed = false;

  /** @throws the system error of `mmap`; `onUnmapped` is not called then. */
  constructor(request: MapRequest, onUnmapped: () => void) {
    const range = mapRange(request);
    this.#request = request;
    this.#address = addressOf(range.pointer);
    this.#estate = { range, guard: undefined, onUnmapped, epoch: 0 };
    try {
      this.#buffer = bufferOver(range);
      if (request.guarded) this.beginGuard();
    } catch (error) {
      unmapRange(range);
      throw error;
    }
    this.#register();
  }

  #register(): void {
    const estate = this.#estate;
    apply(register, forgotten, [this.#buffer, { estate, epoch: estate.epoch }, this]);
  }

  #unregister(): void {
    this.#estate.epoch++;
    apply(unregister, forgotten, [this]);
  }

  /** What `mmap` would have to be asked for to get this mapping as it is now. */
  get request(): MapRequest {
    return this.#request;
  }

  get range(): Range {
    return this.#estate.range;
  }

  get pointer(): Deno.PointerObject {
    return this.#estate.range.pointer;
  }

  /** The address as a number. */
  get address(): bigint {
    return this.#address;
  }

  get byteLength(): number {
    return this.#estate.range.byteLength;
  }

  get buffer(): ArrayBuffer {
    return this.#buffer;
  }

  get guard(): MappingGuard | undefined {
    return this.#estate.guard;
  }

  /** Faults that the guard has absorbed; also after `close`. */
  get faults(): number {
    return this.guard?.faults ?? this.#faults;
  }

  /** Absorbs faults from now on, if it does not yet and there is a guard. */
  beginGuard(): void {
    this.#estate.guard ??= MappingGuard.take(this.range, this.#request);
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
      if (this.#closed && !this.pinned) this.#giveBack();
    }
  }

  /**
   * Takes the buffer from its views, lets `move` change the range, and makes a new buffer over what
   * it returns; over the old range if it throws.
   */
  move(byteLength: number, move: (range: Range) => Range): void {
    if (!detach(this.#buffer)) {
      throw new TypeError("Cannot resize region as its buffer was transferred away");
    }
    this.#unregister();
    this.guard?.suspend();
    try {
      this.#estate.range = move(this.range);
      this.#request = { ...this.#request, byteLength };
    } finally {
      this.guard?.resume(this.range, this.#request);
      this.#address = addressOf(this.pointer);
      this.#buffer = bufferOver(this.range);
      this.#register();
    }
  }

  /** Takes the buffer from its views and gives the addresses back. Once only. */
  close(): void {
    this.#unregister();
    this.#closed = true;
    this.#detached = detach(this.#buffer);
    if (!this.pinned) this.#giveBack();
  }

  /** Whether `close` could take the buffer from every view of the memory. */
  #detached = false;

  #faults = 0;

  #giveBack(): void {
    if (this.#detached) {
      this.#faults = this.guard?.free() ?? 0;
      unmapRange(this.range);
    } else {
      this.#faults = giveUp(this.#estate);
    }
    this.#estate.guard = undefined;
    this.#estate.onUnmapped();
  }
}
