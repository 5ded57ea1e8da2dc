/** The sending end of a channel. */

import { lengthOf, plainBytes } from "../../../ffi/memory.ts";
import { wholeNumber } from "../../check/numbers.ts";
import {
  type Patience,
  patience,
  patienceSync,
  type SyncWaitOptions,
  type WaitOptions,
} from "../../wait/patience.ts";
import { withLock } from "../../wait/lock_attempt.ts";
import { End, type EndPlan } from "./end.ts";
import type { Membership } from "./endpoints.ts";
import { ENDED_BIT, STATE } from "../layout.ts";
import { RECEIVE_BELL, SEND_BELL } from "./queue_layout.ts";
import type { RingMemory } from "../ring_memory.ts";
import { SendRing } from "./send_ring.ts";
import { ReservedSlot, type Slot } from "./slot.ts";

const ACTION = "send message";

/** How many messages are written at most before they are published together. */
const BATCH = 256;

/**
 * A message must be as long as the room that was claimed for it: a longer one would overwrite others.
 *
 * @throws {TypeError} If its length has changed.
 */
function checkSame(message: Uint8Array, byteLength: number): void {
  if (lengthOf(message) === byteLength) return;
  throw new TypeError(
    `Cannot ${ACTION}: it had ${byteLength} bytes, and was resized or detached while it waited`,
  );
}

/** One producer. */
export class Producer extends End {
  readonly #ring: SendRing;

  constructor(memory: RingMemory, membership: Membership, plan: EndPlan) {
    super(memory, membership, plan);
    this.#ring = new SendRing(memory, !plan.single);
  }

  protected override reload(): void {
    this.#ring.reload();
  }

  override takeOver(cells: Int32Array): void {
    this.#ring.takeOver(cells);
  }

  protected override joined(): void {}

  override unlock(): void {
    super.unlock();
    // Only now: see `SendRing.publish`. Nor does the next producer wait for the system calls.
    if (this.lock !== undefined) this.#ring.wakeConsumers(this.memory.cells);
  }

  override deserted(): void {
    this.#end();
  }

  trySend(message: Uint8Array): boolean {
    const byteLength = this.#check(message);
    this.ready();
    if (!this.calls.idle) return false;
    return this.#sendNow(message, byteLength);
  }

  #sendNow(message: Uint8Array, byteLength: number): boolean {
    const { lock } = this;
    const { cells } = this.memory;
    if (lock === undefined) return this.#put(cells, message, byteLength);
    // As `underLock` and `unlock`, without an object for each message and without looking at the
    // words again: more code than the compiler puts into one function.
    if (!this.takeTurn(lock, cells)) return false;
    try {
      this.#ring.takeOver(cells);
      return this.#put(cells, message, byteLength);
    } finally {
      lock.release();
      this.#ring.wakeConsumers(cells);
    }
  }

  sendSync(message: Uint8Array, options?: SyncWaitOptions): void {
    const limits = patienceSync(options, ACTION);
    const byteLength = this.#check(message);
    this.ready();
    if (this.#sendNow(message, byteLength)) return;
    this.untilSync(limits, () => this.#putLate(message, byteLength));
  }

  async send(message: Uint8Array, options?: WaitOptions): Promise<void> {
    const limits = patience(options, ACTION);
    const byteLength = this.#check(message);
    this.ready();
    if (this.calls.idle && this.#sendNow(message, byteLength)) return await this.atOnce(undefined);
    await this.until(limits, () => this.#putLate(message, byteLength));
  }

  async sendMany(messages: Iterable<Uint8Array>, options?: WaitOptions): Promise<void> {
    const limits = patience(options, ACTION);
    this.ready();
    // Gathered first, since the iterable is the caller's code, which may send too.
    let batch: Uint8Array[] = [];
    let lengths: number[] = [];
    for (const message of messages) {
      lengths.push(this.#check(message));
      batch.push(message);
      if (batch.length < BATCH) continue;
      await this.#sendBatch(batch, lengths, limits);
      batch = [];
      lengths = [];
    }
    if (batch.length > 0) await this.#sendBatch(batch, lengths, limits);
  }

  #sendBatch(
    batch: readonly Uint8Array[],
    lengths: readonly number[],
    limits: Patience,
  ): Promise<true> {
    // Checked again: the iterable, or somebody else between two batches, may have reserved a slot.
    this.ready();
    limits.signal?.throwIfAborted();
    return this.soon(limits, this.#putAll(batch, lengths));
  }

  /** @throws {RangeError} If it is too long. @throws {TypeError} If it is not a Uint8Array. */
  #check(message: Uint8Array): number {
    if (!(message instanceof Uint8Array)) plainBytes(message, "message", ACTION);
    const byteLength = lengthOf(message);
    if (byteLength > this.memory.longest) throw this.#tooLong(byteLength);
    return byteLength;
  }

  #tooLong(byteLength: number): RangeError {
    return new RangeError(
      `Cannot ${ACTION} as it must be at most ${this.memory.longest} bytes long: ` +
        `received ${byteLength}`,
    );
  }

  #put(cells: Int32Array, message: Uint8Array, byteLength: number): boolean {
    this.#checkOpen(cells);
    if (!this.#ring.write(message, byteLength)) {
      this.memory.check();
      return false;
    }
    this.#ring.publish(cells);
    return true;
  }

  /** As `#put`, for a message that was checked earlier. */
  #putLate(message: Uint8Array, byteLength: number): true | undefined {
    checkSame(message, byteLength);
    return this.#put(this.memory.cells, message, byteLength) || undefined;
  }

  #putAll(batch: readonly Uint8Array[], lengths: readonly number[]): () => true | undefined {
    let sent = 0;
    return () => {
      const { cells } = this.memory;
      this.#checkOpen(cells);
      const before = sent;
      try {
        for (; sent < batch.length; sent++) {
          checkSame(batch[sent]!, lengths[sent]!);
          if (!this.#ring.write(batch[sent]!, lengths[sent]!)) break;
        }
      } finally {
        if (sent > before) this.#ring.publish(cells);
      }
      this.memory.check();
      return sent === batch.length || undefined;
    };
  }

  /** @throws {Deno.errors.BrokenPipe} */
  #checkOpen(cells: Int32Array): void {
    // This load needs no order: a process that ends a channel while others send cannot rely on what
    // they see.
    if (cells[STATE] !== 0) this.#refuse(cells[STATE]!);
  }

  #refuse(state: number): never {
    this.memory.check();
    // As in `Consumer.#atEnd`.
    if (this.lock !== undefined) this.memory.wake(SEND_BELL);
    const reason = (state & ENDED_BIT) !== 0
      ? "the channel has ended"
      : "the last consumer has left";
    throw new Deno.errors.BrokenPipe(`Cannot ${ACTION}: ${reason}`);
  }

  reserve(byteLength: number): Slot | null {
    const length = wholeNumber(byteLength, "byteLength", "reserve slot");
    if (length > this.memory.longest) throw this.#tooLong(length);
    this.ready();
    if (!this.calls.idle) return null;
    const slot = this.lock === undefined
      ? this.#claim(length)
      : this.underLock(() => this.#claim(length));
    return slot ?? null;
  }

  #claim(byteLength: number): Slot | undefined {
    this.#checkOpen(this.memory.cells);
    const at = this.#ring.claim(byteLength);
    this.memory.check();
    if (at === -1) return undefined;
    const slot = new ReservedSlot(this, at, this.memory.lend(at, byteLength));
    this.inUse = slot;
    return slot;
  }

  /** For {@linkcode ReservedSlot}. @param byteLength undefined: nothing is sent */
  putBack(at: number, byteLength: number | undefined): void {
    this.inUse = undefined;
    try {
      if (byteLength === undefined) return this.#ring.giveUp();
      const { cells } = this.memory;
      this.#checkOpen(cells);
      this.#ring.shorten(at, byteLength);
      this.#ring.publish(cells);
    } catch (error) {
      this.#ring.giveUp();
      throw error;
    } finally {
      this.unlock();
    }
  }

  closeSending(): void {
    this.assertOpen();
    const state = Atomics.load(this.memory.cells, STATE);
    this.memory.check();
    if ((state & ENDED_BIT) !== 0) return;
    this.ready();
    const { lock } = this;
    if (lock === undefined) {
      this.#end();
      return this.memory.check();
    }
    if (lock.isOwn) {
      throw new Deno.errors.Busy("Cannot end channel: this isolate has reserved a slot of it");
    }
    // Under the lock: a message that another producer is about to commit comes before the end.
    withLock(lock, "end channel", () => this.#end());
    this.memory.check();
  }

  #end(): void {
    Atomics.or(this.memory.cells, STATE, ENDED_BIT);
    this.memory.wake(RECEIVE_BELL);
    this.memory.wake(SEND_BELL);
  }
}
