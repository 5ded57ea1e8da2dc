/** A message that is read in place. */

import type { RingMemory } from "../ring_memory.ts";

/** A message that is read in place: see `Channel.peek`. Disposing it releases it. */
export interface Message extends Disposable {
  /** The message, in the channel's memory. Not to be used after the message is released. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The consumer that owns a message. */
interface MessageOwner {
  readonly memory: RingMemory;
  /** @param take whether the message counts as received */
  putBack(take: boolean): void;
}

/** The message itself. */
export class PeekedMessage implements Message {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #epoch: number;
  #consumer: MessageOwner | undefined;

  constructor(consumer: MessageOwner, bytes: Uint8Array<ArrayBuffer>) {
    this.#consumer = consumer;
    this.#epoch = consumer.memory.words.lossWatch.epoch;
    this.bytes = bytes;
  }

  [Symbol.dispose](): void {
    this.#end(true);
  }

  /** Called when the channel is closed: the next consumer gets the message. */
  settle(): void {
    this.#end(false);
  }

  #end(take: boolean): void {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    // If the memory was lost, the message was given up with it.
    if (this.#epoch === consumer?.memory.words.lossWatch.epoch) consumer.putBack(take);
  }
}
