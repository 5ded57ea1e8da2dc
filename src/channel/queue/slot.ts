/** Room for a message that is written in place. */

import { wholeNumber } from "../../check/numbers.ts";
import type { RingMemory } from "../ring_memory.ts";

/** Room in a channel for a message that is written in place: see `Channel.reserve`. */
export interface Slot extends Disposable {
  /** The bytes to write the message to. Their length is 0 after the channel is closed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /**
   * Sends the message.
   *
   * @param byteLength how many bytes of it to send, by default all
   * @throws {Deno.errors.BadResource} If the message was sent or given up already.
   * @throws {RangeError} If `byteLength` is more than was reserved.
   * @throws {Deno.errors.BrokenPipe} If the channel has ended meanwhile.
   */
  commit(byteLength?: number): void;
}

/** The producer that owns a slot. */
interface SlotOwner {
  readonly memory: RingMemory;
  /** @param byteLength undefined: nothing is sent */
  putBack(at: number, byteLength: number | undefined): void;
}

/**
 * The error for a lost slot: a slot is given up when its memory is lost, even if that is repaired
 * later.
 */
function lostSlot({ memory }: SlotOwner): Error {
  memory.check();
  return new Deno.errors.BadResource("Cannot commit slot: its memory was lost");
}

/** The slot itself. */
export class ReservedSlot implements Slot {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #at: number;
  /** The reserved length, since `bytes` is empty once the region is resized. */
  readonly #byteLength: number;
  readonly #epoch: number;
  #producer: SlotOwner | undefined;

  constructor(producer: SlotOwner, at: number, bytes: Uint8Array<ArrayBuffer>) {
    this.#producer = producer;
    this.#epoch = producer.memory.words.lossWatch.epoch;
    this.#at = at;
    this.#byteLength = bytes.length;
    this.bytes = bytes;
  }

  commit(byteLength: number = this.#byteLength): void {
    const length = wholeNumber(byteLength, "byteLength", "commit slot");
    if (this.#producer === undefined) {
      throw new Deno.errors.BadResource("Cannot commit slot: it was sent or given up already");
    }
    if (length > this.#byteLength) {
      throw new RangeError(
        `Cannot commit slot as it has ${this.#byteLength} bytes: received byteLength ${length}`,
      );
    }
    this.#end(length);
  }

  [Symbol.dispose](): void {
    this.#end(undefined);
  }

  /** Called when the channel is closed. */
  settle(): void {
    this.#end(undefined);
  }

  #end(byteLength: number | undefined): void {
    const producer = this.#producer;
    this.#producer = undefined;
    if (producer === undefined) return;
    if (this.#epoch === producer.memory.words.lossWatch.epoch) {
      producer.putBack(this.#at, byteLength);
    } else if (byteLength !== undefined) throw lostSlot(producer);
  }
}
