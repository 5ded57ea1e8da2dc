/** One reader of a broadcast. */

import { checkOptions, choice, type Names } from "../../check/options.ts";
import type { Attempt } from "../../wait/attempt.ts";
import {
  patience,
  patienceSync,
  type SyncWaitOptions,
  type WaitOptions,
} from "../../wait/patience.ts";
import type { Words } from "../../wait/words.ts";
import { BELL } from "./broadcast_layout.ts";
import { BroadcastReader } from "./broadcast_reader.ts";
import { ENDED_BIT, STATE } from "../layout.ts";
import type { JoinPlan } from "../options.ts";
import type { RingMemory } from "../ring_memory.ts";
import { WaitStrategy } from "../wait_strategy.ts";
import type { WriterLock } from "./writer_lock.ts";

const ACTION = "receive message";

/** The longest break between looks, in pauses: see `Spinner`. */
const LONGEST_BREAK = 2;

/** The position where a subscription begins. */
export interface SubscribeOptions {
  /**
   * - "newest": with the first message that is published after this call.
   * - "oldest": with the oldest message that is kept.
   *
   * @default {"newest"}
   */
  from?: "newest" | "oldest";
}

const SUBSCRIBE: Names<SubscribeOptions> = { from: true };

/**
 * A reader of a broadcast, at its own position, made by `Broadcast.subscribe`. Iterating it takes
 * all messages up to the end.
 */
export interface Subscription extends Disposable, AsyncIterable<Uint8Array<ArrayBuffer>> {
  /**
   * How many messages this reader has lost so far, because they were overwritten before it reached
   * them. They are counted when the reader reaches their position, at the latest with the next
   * message that it receives.
   */
  readonly lost: number;
  /**
   * Takes the next message if there is one now.
   *
   * @returns null if there is none, or if awaited calls come first
   * @throws {Deno.errors.BadResource} If this or the broadcast is closed.
   * @throws {Deno.errors.InvalidData} If somebody has written nonsense to the memory.
   */
  tryReceive(): Uint8Array<ArrayBuffer> | null;
  /**
   * Takes the next message, and blocks this thread as long as there is none.
   *
   * @returns null if the writer has closed and nothing is left
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws {Deno.errors.ConnectionReset} If the writer is dead and nothing is left.
   * @throws as {@linkcode tryReceive}
   */
  receiveSync(options?: SyncWaitOptions): Uint8Array<ArrayBuffer> | null;
  /**
   * Takes the next message, and waits as long as there is none, without blocking the event loop.
   * Several calls get messages in the order of the calls.
   *
   * @returns null if the writer has closed and nothing is left
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws the signal's reason, if it is aborted.
   * @throws {Deno.errors.ConnectionReset} If the writer is dead and nothing is left.
   * @throws as {@linkcode tryReceive}
   */
  receive(options?: WaitOptions): Promise<Uint8Array<ArrayBuffer> | null>;
  /**
   * Ends the subscription. Calls that wait are rejected with `Deno.errors.BadResource`. A second call
   * does nothing.
   */
  [Symbol.dispose](): void;
}

/** A message, null at the end, undefined if there is none now. */
type Received = Uint8Array<ArrayBuffer> | null | undefined;

/** The state that a subscription shares with its broadcast. */
export interface Feed {
  readonly memory: RingMemory;
  readonly writer: WriterLock;
  readonly plan: JoinPlan;
  /** The open subscriptions. */
  readonly subscribers: Set<Subscriber>;
}

/** The subscription itself. */
export class Subscriber implements Subscription {
  readonly #feed: Feed;
  readonly #reader: BroadcastReader;
  readonly #strategy: WaitStrategy;
  /** The loss epoch in which the reader last used its memory. */
  #epoch: number;
  #closed = false;

  constructor(feed: Feed, options: SubscribeOptions) {
    checkOptions(options, SUBSCRIBE, "subscribe");
    const from = choice(options.from, ["newest", "oldest"], "from", "subscribe") ?? "newest";
    this.#feed = feed;
    this.#strategy = new WaitStrategy(feed.plan.mode, LONGEST_BREAK);
    this.#reader = new BroadcastReader(feed.memory, feed.plan.pooled, from);
    this.#epoch = feed.memory.words.lossWatch.epoch;
    feed.subscribers.add(this);
  }

  get lost(): number {
    return this.#reader.lost;
  }

  tryReceive(): Uint8Array<ArrayBuffer> | null {
    this.assertOpen();
    if (!this.#strategy.calls.idle) return null;
    return this.take() ?? null;
  }

  receiveSync(options?: SyncWaitOptions): Uint8Array<ArrayBuffer> | null {
    const limits = patienceSync(options, ACTION);
    this.assertOpen();
    const message = this.take();
    if (message !== undefined) return message;
    return this.#strategy.waitSync(new Reception(this, this.#feed), limits);
  }

  async receive(options?: WaitOptions): Promise<Uint8Array<ArrayBuffer> | null> {
    const limits = patience(options, ACTION);
    this.assertOpen();
    if (this.#strategy.calls.idle) {
      const message = this.take();
      if (message !== undefined) return await this.#strategy.atOnce(message);
    }
    return await this.#strategy.wait(ACTION, limits, () => {
      this.assertOpen(); // it may have been closed before its turn came
      return new Reception(this, this.#feed);
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
    for (let message = await this.receive(); message !== null; message = await this.receive()) {
      yield message;
    }
  }

  /** @throws {Deno.errors.BadResource} If it is closed. */
  assertOpen(): void {
    if (!this.#closed) return;
    throw new Deno.errors.BadResource(`Cannot ${ACTION}: the subscription is closed`);
  }

  /** One try. */
  take(): Received {
    const { memory } = this.#feed;
    const { lossWatch } = memory.words;
    if (this.#epoch !== lossWatch.epoch) {
      lossWatch.check();
      this.#reader.reload();
      this.#epoch = lossWatch.epoch;
    }
    const received = this.#look();
    lossWatch.check();
    return received;
  }

  #look(): Received {
    const message = this.#reader.take();
    if (message !== undefined) return message;
    if ((Atomics.load(this.#feed.memory.cells, STATE) & ENDED_BIT) === 0) return undefined;
    // Looks once more: a message may have been published right before the end.
    return this.#reader.take() ?? null;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#feed.subscribers.delete(this);
    // Wakes a waiting call, which then sees that the subscription is closed.
    if (!this.#strategy.calls.idle) this.#feed.memory.wake(BELL);
  }
}

/** One wait for a message. */
class Reception implements Attempt<Uint8Array<ArrayBuffer> | null> {
  readonly words: Words;
  readonly action = ACTION;
  readonly index = BELL;
  readonly expected = 1;
  readonly #subscriber: Subscriber;
  readonly #memory: RingMemory;
  readonly #writer: WriterLock;

  constructor(subscriber: Subscriber, { memory, writer }: Feed) {
    this.words = memory.words;
    this.#memory = memory;
    this.#subscriber = subscriber;
    this.#writer = writer;
  }

  attempt(): Received {
    return this.#subscriber.take();
  }

  prepare(thorough: boolean): Received {
    this.#subscriber.assertOpen();
    const early = this.#subscriber.take();
    if (early !== undefined) return early;
    // Before the look: either this look finds a message, or the writer finds the bell set.
    Atomics.store(this.words.cells, BELL, 1);
    // Also before the look: the writer's last messages come before its death.
    const lostPid = thorough ? this.#writer.lostPid() : undefined;
    const result = this.#subscriber.take();
    if (result !== undefined) {
      // The writer may have reset the bell before this set it again: another reader, which looked
      // before the message came, would sleep on it.
      this.#memory.wake(BELL);
      return result;
    }
    if (lostPid === undefined) return undefined;
    throw new Deno.errors.ConnectionReset(
      `Cannot ${ACTION}: the writer, process ${lostPid}, has died`,
    );
  }

  cancel(): undefined {}
}
