/** A message that is read in place. */

import type { RingMemory } from "../ring_memory.ts";

/** A message that is read in place: see `Channel.peek`. Disposing it releases it. */
export interface Message extends Disposable {
  /** The message, in the channel's memory. Not to be used after the message is released. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The consumer that a message is of. */
interface MessageOwner {
  readonly memory: RingMemory;
  /** @param take whether the message is received with that */
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

  /** When the channel is closed: the next consumer gets it. */
  settle(): void {
    this.#end(false);
  }

  #end(take: boolean): void {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    // It was given up with the memory if that was lost.
    if (this.#epoch === consumer?.memory.words.lossWatch.epoch) consumer.putBack(take);
  }
}
