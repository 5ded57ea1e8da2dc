/**
 * The ends of a channel for the scheduler of `./sync`: real producers and consumers over a ring of a
 * few words, in every order that they can have.
 */

import { assert, assertEquals } from "@std/assert";
import { BufferWords } from "../../../src/wait/buffer_words.ts";
import { Consumer } from "../../../src/channel/queue/consumer.ts";
import type { Membership } from "../../../src/channel/queue/endpoints.ts";
import { HEADER_BYTE_LENGTH } from "../../../src/channel/layout.ts";
import * as layout from "../../../src/channel/queue/queue_layout.ts";
import { Producer } from "../../../src/channel/queue/producer.ts";
import { ReceiveRing } from "../../../src/channel/queue/receive_ring.ts";
import { RingMemory } from "../../../src/channel/ring_memory.ts";
import { PlainInt32Array } from "../../wait/_atomics.ts";
import { isKilled, step } from "../../wait/_scheduler.ts";

/** Of a ring of 128 bytes: the record of a message of 56 bytes takes half of it. */
const CAPACITY = 128;

/** Messages are longer than the loops that copy byte by byte, so that a copy is one step. */
export const SHORT = 25;
export const LONG = 56;

/** What a plan is about. */
export interface Shape {
  readonly producers?: number;
  readonly consumers?: number;
  /** Where both positions stand at first. */
  readonly position?: number;
}

/** A ring, who is at it, and what was seen. */
export class World {
  readonly memory = new SharedArrayBuffer(HEADER_BYTE_LENGTH + CAPACITY);
  readonly #ring: RingMemory;
  readonly #producers: number;
  readonly #consumers: number;
  /** What was sent for sure, as "producer.number". */
  readonly #sent: string[] = [];
  /** What was copied out of the ring, by whom. */
  readonly #copied: { readonly by: number; readonly message: string }[] = [];
  readonly #gone = new Set<number>();

  constructor({ producers = 1, consumers = 1, position = 0 }: Shape) {
    this.#producers = producers;
    this.#consumers = consumers;
    const positions = new BigInt64Array(this.memory, 0, HEADER_BYTE_LENGTH / 8);
    positions[layout.TAIL / 2] = positions[layout.HEAD / 2] = BigInt(position);
    this.#ring = this.#open(undefined);
  }

  /** Its own view of the ring, which tells what `actor` copies. */
  #open(actor: number | undefined): RingMemory {
    const memory = new RingMemory(
      new BufferWords(this.memory, 0, this.memory.byteLength),
      CAPACITY,
    );
    if (actor === undefined) return memory;
    const { ring } = memory;
    const bytes = new Uint8Array(ring.buffer, ring.byteOffset, CAPACITY);
    memory.copyTo = (target, at, byteLength) =>
      step("copy out", () => {
        target.set(bytes.subarray(at, at + byteLength));
        this.#copied.push({ by: actor, message: textOf(target.subarray(0, byteLength)) });
      });
    memory.bytes = this.#watched(memory.bytes, actor);
    return memory;
  }

  /** Copies are steps, too: else each run of an actor from its beginning would make them again. */
  #watched(bytes: Uint8Array, actor: number): Uint8Array {
    const set = (message: Uint8Array, at: number): void =>
      step("copy in", () => bytes.set(message, at));
    const slice = (start: number, end: number): Uint8Array =>
      step("copy out", () => {
        const copy = bytes.slice(start, end);
        this.#copied.push({ by: actor, message: textOf(copy) });
        return copy;
      });
    const { buffer, byteOffset } = bytes;
    return Object.create(bytes, {
      set: { value: set },
      slice: { value: slice },
      buffer: { value: buffer },
      byteOffset: { value: byteOffset },
    });
  }

  /** Nobody is in the list; who was killed is dead. */
  #membership(): Membership {
    const firstConsumer = this.#producers;
    const all = firstConsumer + this.#consumers;
    const fake: Pick<Membership, "take" | "lostPid"> = {
      take: (_role, _single, taken) => taken(),
      lostPid: (role) => {
        const [start, end] = role === layout.PRODUCER_BIT
          ? [0, firstConsumer]
          : [firstConsumer, all];
        return step("lost", () => {
          const left = this.#others(start, end);
          return left.length > 0 && left.every(isKilled) ? 1 : undefined;
        });
      },
    };
    return fake as Membership;
  }

  /** The producer of this actor; to be made in its function. */
  producer(actor: number): Producer {
    return new Producer(this.#open(actor), this.#membership(), {
      action: "send message",
      role: layout.PRODUCER_BIT,
      otherRole: layout.CONSUMER_BIT,
      bell: layout.SEND_BELL,
      lock: layout.SEND_LOCK,
      single: this.#producers === 1,
      ...MANNER,
    });
  }

  /** The consumer of this actor; to be made in its function. */
  consumer(actor: number): Consumer {
    return new Consumer(this.#open(actor), this.#membership(), {
      action: "receive message",
      role: layout.CONSUMER_BIT,
      otherRole: layout.PRODUCER_BIT,
      bell: layout.RECEIVE_BELL,
      lock: layout.RECEIVE_LOCK,
      single: this.#consumers === 1,
      ...MANNER,
    });
  }

  /** An actor that sends messages of these lengths; the last one that does ends the channel. */
  sends(actor: number, lengths: readonly number[], end = true): () => void {
    return () => {
      const producer = this.producer(actor);
      unlessLost(() => {
        lengths.forEach((byteLength, i) => {
          producer.sendSync(messageOf(actor, i, byteLength));
          step("sent", () => this.#sent.push(`${actor}.${i}`));
        });
        if (!end) return;
        const isLast = step("leave", () => {
          const others = this.#others(0, this.#producers).filter((other) => other !== actor);
          if (others.every(isKilled)) return true;
          this.#gone.add(actor);
          return false;
        });
        if (isLast) producer.deserted();
      });
    };
  }

  /** Who of these actors has not left. */
  #others(start: number, end: number): number[] {
    const all = Array.from({ length: end - start }, (_, i) => start + i);
    return all.filter((actor) => !this.#gone.has(actor));
  }

  /** An actor that receives so many messages, or all up to the end. */
  receives(actor: number, count = Infinity): () => void {
    return () => {
      const consumer = this.consumer(actor);
      unlessLost(() => {
        for (let i = 0; i < count; i++) if (consumer.receiveSync() === null) return;
      });
    };
  }

  /** An actor that receives all up to the end, into memory of its own. */
  receivesInto(actor: number): () => void {
    return () => {
      const consumer = this.consumer(actor);
      const target = new Uint8Array(LONG);
      while (consumer.receiveIntoSync(target) !== null);
    };
  }

  /** An actor that writes a message in place, and makes it shorter than it said. */
  commits(actor: number, reserved: number, byteLength: number): () => void {
    return () => {
      const producer = this.producer(actor);
      using slot = producer.reserve(reserved);
      if (slot === null) {
        producer.sendSync(messageOf(actor, 0, byteLength)); // the other one has its turn
      } else {
        step("write", () => slot.bytes.set(messageOf(actor, 0, byteLength)));
        slot.commit(byteLength);
      }
      step("sent", () => this.#sent.push(`${actor}.0`));
    };
  }

  /** An actor that receives some, and leaves as the last one. */
  leavesAfter(actor: number, count: number): () => void {
    return () => {
      const consumer = this.consumer(actor);
      for (let i = 0; i < count; i++) consumer.receiveSync();
      consumer.close();
      consumer.deserted();
    };
  }

  /**
   * Nothing was lost, torn or out of order. What a dead consumer had copied may have come again.
   *
   * @param killed how many were
   */
  check(killed = 0): void {
    this.#drain();
    const messages = this.#copied.map(({ message }) => message);
    const lost = this.#sent.filter((message) => !messages.includes(message));
    assertEquals(lost, [], `lost, of ${this.#sent}`);
    const again = messages.length - new Set(messages).size;
    assert(again <= killed, `${again} came again: ${messages}`);
    const consumers = new Set(this.#copied.map(({ by }) => by));
    for (const consumer of consumers) {
      const own = this.#copied.filter(({ by }) => by === consumer).map(({ message }) => message);
      for (let producer = 0; producer < this.#producers; producer++) {
        const order = own.filter((message) => message.startsWith(`${producer}.`));
        assertEquals(order, order.toSorted(), `out of order: ${own}`);
      }
    }
  }

  /** Takes what is left, as the next consumer would. */
  #drain(): void {
    const ring = new ReceiveRing(this.#ring, false);
    ring.reload();
    for (let at = ring.next(); at !== -1; at = ring.next()) {
      this.#copied.push({ by: -1, message: textOf(ring.copy(at)) });
      ring.skip();
    }
  }

  /** All was sent and received, and both positions are the same. */
  checkAll(lengths: readonly (readonly number[])[]): void {
    const cells = new PlainInt32Array(this.memory);
    assertEquals(cells[layout.HEAD], cells[layout.TAIL]);
    assertEquals(cells[layout.HEAD + 1], cells[layout.TAIL + 1]);
    const all = lengths.flatMap((own, actor) => own.map((_, i) => `${actor}.${i}`));
    assertEquals(this.#copied.map(({ message }) => message).sort(), all.sort());
    this.check();
  }
}

const MANNER = { mode: "block", pooled: false, longestBreak: 1 } as const;

/** A message that says who sent it, and which it is, over and over. */
function messageOf(actor: number, i: number, byteLength: number): Uint8Array {
  const message = new Uint8Array(byteLength);
  for (let at = 0; at < byteLength; at++) message[at] = at % 2 ? i : actor;
  message[byteLength - 1] = byteLength;
  return message;
}

/** @throws {Error} If it is none, or torn. */
function textOf(message: Uint8Array): string {
  const [actor, i] = message as unknown as [number, number];
  assertEquals(message.slice(), messageOf(actor, i, message.length), "torn message");
  return `${actor}.${i}`;
}

/** The other end may be dead, or may have left. */
function unlessLost(body: () => void): void {
  try {
    body();
  } catch (error) {
    const { BrokenPipe, ConnectionReset } = Deno.errors;
    if (!(error instanceof BrokenPipe || error instanceof ConnectionReset)) throw error;
  }
}
