/** The broadcast's algorithm in every order of its steps, in a ring of a few messages. */

import { assert, assertEquals } from "@std/assert";
import { BroadcastReader } from "../../../src/channel/broadcast/broadcast_reader.ts";
import { BroadcastWriter } from "../../../src/channel/broadcast/broadcast_writer.ts";
import { HEADER_BYTE_LENGTH, STATE } from "../../../src/channel/layout.ts";
import { BELL, TAIL, WRITER } from "../../../src/channel/broadcast/broadcast_layout.ts";
import { RingMemory } from "../../../src/channel/ring_memory.ts";
import { Subscriber } from "../../../src/channel/broadcast/subscription.ts";
import { WriterLock } from "../../../src/channel/broadcast/writer_lock.ts";
import { BufferWords } from "../../../src/wait/buffer_words.ts";
import { inEveryOrder } from "../../wait/_plans.ts";
import { fingerprintOf, FIRST_NUMBER, isKilled, step } from "../../wait/_scheduler.ts";

/** So long that it is copied as a whole, which here goes word by word. */
const MESSAGE_BYTE_LENGTH = 28;

/** In units of 8 bytes. */
const MESSAGE_UNITS = 5;

/** Three messages and no fourth fit in. */
const CAPACITY = 128;

/** Memory of which each word that is written to the ring is a step. */
function tinyRing(): { shared: SharedArrayBuffer; memory: RingMemory } {
  const shared = new SharedArrayBuffer(HEADER_BYTE_LENGTH + CAPACITY);
  const memory = new RingMemory(new BufferWords(shared, 0, shared.byteLength), CAPACITY);
  const set = (message: Uint8Array<ArrayBuffer>, at: number): void => {
    new Uint32Array(message.buffer).forEach((word, i) => memory.ring[at / 4 + i] = word);
  };
  memory.bytes = { set } as Uint8Array;
  return { shared, memory };
}

function messageOf(number: number): Uint8Array {
  return new Uint8Array(MESSAGE_BYTE_LENGTH).fill(number + 1);
}

/** The number of a message. @throws {Error} If it is torn */
function numberOf(message: Uint8Array): number {
  const number = message[0]! - 1;
  assertEquals(message, messageOf(number));
  return number;
}

/** Publishes messages from `first` on, after taking over. */
function publish(memory: RingMemory, first: number, end: number): void {
  const writer = new BroadcastWriter(memory);
  writer.reload();
  for (let i = first; i < end; i++) writer.publish(messageOf(i), MESSAGE_BYTE_LENGTH);
}

/** Takes so often, and checks that every message is the next one but for those that were lost. */
function takeAndCheck(reader: BroadcastReader, tries: number): void {
  let first: number | undefined;
  let count = 0;
  for (let i = 0; i < tries; i++) {
    const message = reader.take();
    if (message === undefined) continue;
    const before = reader.lost + count++;
    first ??= numberOf(message) - before;
    assertEquals(numberOf(message), first + before);
  }
}

for (const [published, tries, preemptions] of [[2, 3, 3], [5, 2, 2], [8, 3, 2]]) {
  inEveryOrder(
    `Broadcast gives a reader whole messages, and counts the lost ones, while ${published} come`,
    () => {
      const { shared, memory } = tinyRing();
      return {
        memory: shared,
        actors: [
          () => publish(memory, 0, published!),
          () => takeAndCheck(new BroadcastReader(memory, true, "oldest"), tries!),
        ],
      };
    },
    { preemptions: preemptions! },
  );
}

inEveryOrder(
  "Broadcast lets a reader join at any moment, at both ends",
  () => {
    const { shared, memory } = tinyRing();
    publish(memory, 0, 2);
    return {
      memory: shared,
      actors: [
        () => publish(memory, 2, 4),
        () => {
          const reader = new BroadcastReader(memory, true, "newest");
          const message = reader.take();
          if (message !== undefined) assert(numberOf(message) >= 2 + reader.lost);
        },
        () => {
          const message = new BroadcastReader(memory, true, "oldest").take();
          if (message !== undefined) numberOf(message);
        },
      ],
    };
  },
  { preemptions: 2 },
);

inEveryOrder(
  "Broadcast loses, doubles and tears nothing when its writer dies at any step",
  () => {
    const { shared, memory } = tinyRing();
    publish(memory, 0, 2);
    return {
      memory: shared,
      actors: [
        () => publish(memory, 2, 5),
        () => {
          if (!step("died", () => isKilled(0))) return;
          const reader = new BroadcastReader(memory, true, "oldest");
          const first = takeAndCheckAll(reader);
          const next = new BroadcastWriter(memory);
          next.reload();
          next.publish(messageOf(first), MESSAGE_BYTE_LENGTH);
          assertEquals(numberOf(reader.take()!), first);
          assertEquals([reader.take(), reader.lost], [undefined, 0]);
        },
      ],
    };
  },
  { kills: 1, victims: [0], preemptions: 1 },
);

/** Takes all that is kept. @returns the number of the message that would be next */
function takeAndCheckAll(reader: BroadcastReader): number {
  const first = reader.take();
  if (first === undefined) return -1;
  let number = numberOf(first);
  for (let m = reader.take(); m !== undefined; m = reader.take()) {
    assertEquals(numberOf(m), ++number);
  }
  return number + 1;
}

/** A reader that begins with the first message and sleeps where there is none. */
function subscriberOf(memory: RingMemory): Subscriber {
  return new Subscriber({
    memory,
    writer: new WriterLock(memory.words),
    plan: { mode: "block", pooled: true },
    subscribers: new Set(),
  }, { from: "oldest" });
}

inEveryOrder(
  "Subscription.receiveSync() gives all that was published before it tells of the death",
  () => {
    const { shared, memory } = tinyRing();
    memory.cells[WRITER] = FIRST_NUMBER;
    memory.cells[WRITER + 1] = fingerprintOf(0);
    return {
      memory: shared,
      actors: [
        () => publish(memory, 0, 2),
        () => {
          const subscriber = subscriberOf(memory);
          let next = 0;
          try {
            while (next < 2) assertEquals(numberOf(subscriber.receiveSync()!), next++);
          } catch (error) {
            assert(error instanceof Deno.errors.ConnectionReset, String(error));
            step("all", () => assertEquals(memory.words.cells[TAIL], next * MESSAGE_UNITS));
          }
        },
      ],
    };
  },
  { kills: 1, victims: [0], slices: 2, preemptions: 2 },
);

inEveryOrder(
  "Subscription.receiveSync() misses no wake-up, and no message before the end",
  () => {
    const { shared, memory } = tinyRing();
    return {
      memory: shared,
      actors: [
        () => {
          publish(memory, 0, 2);
          Atomics.or(memory.cells, STATE, 1);
          memory.wake(BELL);
        },
        () => {
          const subscriber = subscriberOf(memory);
          for (let i = 0; i < 2; i++) assertEquals(numberOf(subscriber.receiveSync()!), i);
          assertEquals(subscriber.receiveSync(), null);
        },
      ],
    };
  },
  { preemptions: 2 },
);

inEveryOrder(
  "Subscription.receiveSync() of two readers misses no wake-up",
  () => {
    const { shared, memory } = tinyRing();
    const receive = () => assertEquals(numberOf(subscriberOf(memory).receiveSync()!), 0);
    return { memory: shared, actors: [() => publish(memory, 0, 1), receive, receive] };
  },
  { preemptions: 1 },
);

inEveryOrder(
  "Broadcast has one writer at a time, also when the first one dies",
  () => {
    const { shared, memory } = tinyRing();
    const take = (actor: number) => {
      const lock = new WriterLock(memory.words);
      try {
        lock.take();
      } catch (error) {
        assert(error instanceof Deno.errors.Busy);
        return;
      }
      step("first", () => {
        const other = memory.words.cells[200]!;
        assert(other === 0 || isKilled(other - 1), "two writers");
        memory.words.cells[200] = actor + 1;
      });
      step("last", () => {
        assertEquals(memory.words.cells[200], actor + 1);
        memory.words.cells[200] = 0;
      });
      lock.leave();
    };
    return { memory: shared, actors: [0, 1, 2].map((actor) => () => take(actor)) };
  },
  { kills: 1, preemptions: 2 },
);
