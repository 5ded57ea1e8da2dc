/** The receiving end of a channel. */

import { lengthOf, plainBytes } from "../../../ffi/memory.ts";
import { wholeNumber } from "../../check/numbers.ts";
import {
  patience,
  patienceSync,
  type SyncWaitOptions,
  type WaitOptions,
} from "../../wait/patience.ts";
import { Spinner } from "../../wait/spinner.ts";
import { End, type EndPlan } from "./end.ts";
import type { Membership } from "./endpoints.ts";
import { ENDED_BIT, STATE } from "../layout.ts";
import { DESERTED_BIT, HEAD, RECEIVE_BELL, SEND_BELL, TAIL } from "./queue_layout.ts";
import { type Message, PeekedMessage } from "./message.ts";
import { ReceiveRing } from "./receive_ring.ts";
import type { RingMemory } from "../ring_memory.ts";

const ACTION = "receive message";

/** About two microseconds, the time of a round trip between two spinning processes. */
const ANSWER_SPINNER = new Spinner({ most: 50, steady: true });

/** @throws {TypeError} If it is not a Uint8Array. */
function checkTarget(target: Uint8Array): void {
  if (!(target instanceof Uint8Array)) plainBytes(target, "target", ACTION);
}

/** One consumer. */
export class Consumer extends End {
  readonly #ring: ReceiveRing;
  /** Whether a blocking call spins before anything else, since an answer may be on its way. */
  readonly #expectsAnswers: boolean;

  constructor(memory: RingMemory, membership: Membership, plan: EndPlan) {
    super(memory, membership, plan);
    this.#expectsAnswers = plan.single && plan.mode !== "block";
    this.#ring = new ReceiveRing(memory, plan.pooled);
  }

  protected override reload(): void {
    this.#ring.reload();
  }

  override takeOver(cells: Int32Array): void {
    this.#ring.takeOver(cells);
  }

  protected override joined(): void {
    setDeserted(this.memory, false);
  }

  override deserted(): void {
    setDeserted(this.memory, true);
  }

  tryReceive(): Uint8Array<ArrayBuffer> | null {
    this.ready();
    if (!this.calls.idle) return null;
    return this.#receiveNow() ?? null;
  }

  #receiveNow(): Uint8Array<ArrayBuffer> | null | undefined {
    if (this.lock === undefined) return this.#take();
    return this.underLock(this.#takeOne);
  }

  receiveSync(options?: SyncWaitOptions): Uint8Array<ArrayBuffer> | null {
    const limits = patienceSync(options, ACTION);
    this.ready();
    let message = this.#receiveNow();
    if (message === undefined && this.#expectsAnswers) message = ANSWER_SPINNER.spin(this.#tryTake);
    if (message !== undefined) return message;
    return this.untilSync(limits, this.#takeOne);
  }

  async receive(options?: WaitOptions): Promise<Uint8Array<ArrayBuffer> | null> {
    const limits = patience(options, ACTION);
    this.ready();
    return await this.soon(limits, this.#takeOne);
  }

  tryReceiveInto(target: Uint8Array): number | null {
    checkTarget(target);
    this.ready();
    if (!this.calls.idle) return null;
    return this.#receiveIntoNow(target) ?? null;
  }

  #receiveIntoNow(target: Uint8Array): number | null | undefined {
    if (this.lock === undefined) return this.#takeInto(target);
    return this.underLock(() => this.#takeInto(target));
  }

  receiveIntoSync(target: Uint8Array, options?: SyncWaitOptions): number | null {
    const limits = patienceSync(options, ACTION);
    checkTarget(target);
    this.ready();
    let byteLength = this.#receiveIntoNow(target);
    if (byteLength === undefined && this.#expectsAnswers) {
      byteLength = ANSWER_SPINNER.spin({ attempt: () => this.#takeInto(target) });
    }
    if (byteLength !== undefined) return byteLength;
    return this.untilSync(limits, () => this.#takeInto(target));
  }

  async receiveInto(target: Uint8Array, options?: WaitOptions): Promise<number | null> {
    const limits = patience(options, ACTION);
    checkTarget(target);
    this.ready();
    return await this.soon(limits, () => this.#takeInto(target));
  }

  /** @returns null at the end, undefined if there is nothing now */
  #takeInto(target: Uint8Array): number | null | undefined {
    const ring = this.#ring;
    const at = this.#find();
    if (at === -1) return this.#nothing();
    const { byteLength } = ring;
    const room = lengthOf(target);
    if (byteLength > room) {
      this.memory.check();
      if (this.lock !== undefined) ring.passOn();
      throw new RangeError(`Cannot ${ACTION} of ${byteLength} bytes: the target has ${room}`);
    }
    ring.copyTo(target, at);
    this.memory.check(); // before others see that the message was taken
    ring.skip();
    this.#release();
    return byteLength;
  }

  async receiveMany(max: number, options?: WaitOptions): Promise<Uint8Array<ArrayBuffer>[]> {
    const limits = patience(options, ACTION);
    const most = wholeNumber(max, "max", ACTION, 1);
    this.ready();
    return await this.soon(limits, () => this.#takeMany(most));
  }

  readonly #tryTake = { attempt: () => this.#take() };

  readonly #takeOne = (): Uint8Array<ArrayBuffer> | null | undefined => this.#take();

  /** @returns null at the end, undefined if there is nothing now */
  #take(): Uint8Array<ArrayBuffer> | null | undefined {
    const ring = this.#ring;
    const at = this.#find();
    if (at === -1) return this.#nothing();
    const message = ring.copy(at);
    this.memory.check(); // before others see that the message was taken
    ring.skip();
    this.#release();
    return message;
  }

  #takeMany(max: number): Uint8Array<ArrayBuffer>[] | undefined {
    const messages: Uint8Array<ArrayBuffer>[] = [];
    const ring = this.#ring;
    for (let at = this.#find(); at !== -1; at = ring.next()) {
      messages.push(ring.copy(at));
      ring.skip();
      if (messages.length === max) break;
    }
    if (messages.length === 0) return this.#nothing() === null ? messages : undefined;
    this.memory.check();
    this.#release();
    return messages;
  }

  #release(): void {
    this.#ring.release();
    if (this.lock !== undefined) this.#ring.passOn();
  }

  /** The next message, including one that was sent right before the end. */
  #find(): number {
    const at = this.#ring.next();
    if (at !== -1 || (Atomics.load(this.memory.cells, STATE) & ENDED_BIT) === 0) return at;
    return this.#ring.next();
  }

  /** @returns null at the end */
  #nothing(): null | undefined {
    const atEnd = this.#atEnd();
    this.memory.check();
    return atEnd ? null : undefined;
  }

  /** Whether this is the end. If so, all other consumers are woken to see it too. */
  #atEnd(): boolean {
    if (!this.hasEnded) return false;
    // This consumer may have set the bell again after it rang for the end. Another one that has not
    // seen the end yet would then sleep on it.
    if (this.lock !== undefined) this.memory.wake(RECEIVE_BELL);
    return true;
  }

  /** Whether the channel has ended and all messages were received. */
  get hasEnded(): boolean {
    const { cells } = this.memory.words;
    // In this order: nothing is sent after the end.
    return (Atomics.load(cells, STATE) & ENDED_BIT) !== 0 &&
      Atomics.load(cells, HEAD) === Atomics.load(cells, TAIL);
  }

  peek(): Message | null {
    this.ready();
    if (!this.calls.idle) return null;
    const message = this.lock === undefined ? this.#look() : this.underLock(() => this.#look());
    return message ?? null;
  }

  async receiveInPlace(options?: WaitOptions): Promise<Message | null> {
    const limits = patience(options, ACTION);
    this.ready();
    return await this.soon(limits, () => this.#look() ?? this.#nothing());
  }

  #look(): PeekedMessage | undefined {
    const at = this.#find();
    this.memory.check();
    if (at === -1) return undefined;
    const message = new PeekedMessage(this, this.#ring.view(at));
    this.inUse = message;
    return message;
  }

  /** For {@linkcode PeekedMessage}. @param take whether the message counts as received */
  putBack(take: boolean): void {
    this.inUse = undefined;
    try {
      if (!take) return;
      this.#ring.skip();
      this.#release();
    } finally {
      this.unlock();
    }
  }
}

/** Records that the last consumer has left, or that there is one again. */
function setDeserted(memory: RingMemory, deserted: boolean): void {
  const { cells } = memory.words;
  if (!deserted) {
    Atomics.and(cells, STATE, ~DESERTED_BIT);
    return;
  }
  Atomics.or(cells, STATE, DESERTED_BIT);
  memory.wake(SEND_BELL);
}
