/** What channel_bench.ts and its peer do with channels: one function for each end of each way. */

import type { Channel } from "@mmap/mmap/channel";
import { monotonicNanoseconds } from "./_clock.ts";

/** Sends or takes so many messages of so many bytes. The first byte of each is its number. */
type End = (channel: Channel, byteLength: number, times: number) => void | Promise<void>;

/** As many messages go into one call of `sendMany` and `receiveMany`. */
const BATCH = 256;

function check(message: Uint8Array, byteLength: number, i: number): void {
  if (message.length !== byteLength || message[0] !== (i & 255)) {
    throw new Error(`message ${i} is wrong: ${message.length} bytes, the first is ${message[0]}`);
  }
}

function ended(): never {
  throw new Error("the channel has ended too early");
}

/** The ways to send. */
export const SENDERS = {
  try(channel, byteLength, times): void {
    const message = new Uint8Array(byteLength);
    for (let i = 0; i < times; i++) {
      message[0] = i;
      while (!channel.trySend(message));
    }
  },
  sync(channel, byteLength, times): void {
    const message = new Uint8Array(byteLength);
    for (let i = 0; i < times; i++) {
      message[0] = i;
      channel.sendSync(message);
    }
  },
  async await(channel, byteLength, times): Promise<void> {
    const message = new Uint8Array(byteLength);
    for (let i = 0; i < times; i++) {
      message[0] = i;
      await channel.send(message);
    }
  },
  async many(channel, byteLength, times): Promise<void> {
    const batch = Array.from({ length: BATCH }, (_, i) => new Uint8Array(byteLength).fill(i));
    for (let i = 0; i < times; i += BATCH) {
      await channel.sendMany(times - i < BATCH ? batch.slice(0, times - i) : batch);
    }
  },
  reserve(channel, byteLength, times): void {
    for (let i = 0; i < times; i++) {
      let slot = channel.reserve(byteLength);
      while (slot === null) slot = channel.reserve(byteLength);
      slot.bytes[0] = i;
      slot.commit();
    }
  },
  stamp(channel, byteLength, times): void {
    const message = new Uint8Array(byteLength);
    const stamp = new Float64Array(message.buffer, 0, 1);
    for (let i = 0, next = monotonicNanoseconds(); i < times; i++, next += INTERVAL) {
      let now = monotonicNanoseconds();
      while (now < next) now = monotonicNanoseconds();
      stamp[0] = now;
      channel.sendSync(message);
    }
  },
} satisfies Record<string, End>;

/** Nanoseconds between two messages of `stamp`: 100,000 messages per second. */
export const INTERVAL = 10_000;

function tryReceiveAll(channel: Channel, byteLength: number, times: number): void {
  for (let i = 0; i < times; i++) {
    let message = channel.tryReceive();
    while (message === null) message = channel.tryReceive();
    check(message, byteLength, i);
  }
}

/** The ways to receive. */
export const RECEIVERS = {
  try: tryReceiveAll,
  /** Of a channel that was opened with `pooled`. */
  pooled: tryReceiveAll,
  sync(channel, byteLength, times): void {
    for (let i = 0; i < times; i++) check(channel.receiveSync() ?? ended(), byteLength, i);
  },
  async await(channel, byteLength, times): Promise<void> {
    for (let i = 0; i < times; i++) check(await channel.receive() ?? ended(), byteLength, i);
  },
  async many(channel, byteLength, times): Promise<void> {
    for (let i = 0; i < times;) {
      for (const message of await channel.receiveMany(BATCH)) check(message, byteLength, i++);
    }
  },
  peek(channel, byteLength, times): void {
    for (let i = 0; i < times; i++) {
      let message = channel.peek();
      while (message === null) message = channel.peek();
      check(message.bytes, byteLength, i);
      message[Symbol.dispose]();
    }
  },
  into(channel, byteLength, times): void {
    const target = new Uint8Array(byteLength);
    for (let i = 0; i < times; i++) {
      let length = channel.tryReceiveInto(target);
      while (length === null) length = channel.tryReceiveInto(target);
      if (length !== byteLength) throw new Error(`message ${i} has ${length} bytes`);
      check(target, byteLength, i);
    }
  },
} satisfies Record<string, End>;

/** The ways to send each message and get it back. */
export const CALLERS = {
  sync(to, back, byteLength, times): void {
    const message = new Uint8Array(byteLength);
    for (let i = 0; i < times; i++) {
      message[0] = i;
      to.sendSync(message);
      check(back.receiveSync() ?? ended(), byteLength, i);
    }
  },
  into(to, back, byteLength, times): void {
    const message = new Uint8Array(byteLength);
    const target = new Uint8Array(byteLength);
    for (let i = 0; i < times; i++) {
      message[0] = i;
      to.sendSync(message);
      if (back.receiveIntoSync(target) === null) ended();
      check(target, byteLength, i);
    }
  },
  async await(to, back, byteLength, times): Promise<void> {
    const message = new Uint8Array(byteLength);
    for (let i = 0; i < times; i++) {
      message[0] = i;
      await to.send(message);
      check(await back.receive() ?? ended(), byteLength, i);
    }
  },
} satisfies Record<string, Caller>;

type Caller = (
  to: Channel,
  back: Channel,
  byteLength: number,
  times: number,
) => void | Promise<void>;

/** Their other ends. */
export const ANSWERERS = {
  sync(to, back, _byteLength, times): void {
    for (let i = 0; i < times; i++) back.sendSync(to.receiveSync() ?? ended());
  },
  into(to, back, byteLength, times): void {
    const target = new Uint8Array(byteLength);
    for (let i = 0; i < times; i++) {
      if (to.receiveIntoSync(target) === null) ended();
      back.sendSync(target);
    }
  },
  async await(to, back, _byteLength, times): Promise<void> {
    for (let i = 0; i < times; i++) await back.send(await to.receive() ?? ended());
  },
} satisfies Record<string, Caller>;

/** Takes stamped messages. @returns p50, p99 and p99.9 of the nanoseconds that they took */
export async function latencies(
  channel: Channel,
  way: "try" | "sync" | "await",
  times: number,
): Promise<number[]> {
  const taken = new Float64Array(times);
  const bytes = new Uint8Array(8);
  const stamp = new Float64Array(bytes.buffer);
  for (let i = 0; i < times; i++) {
    let message = way === "await"
      ? await channel.receive()
      : way === "sync"
      ? channel.receiveSync()
      : channel.tryReceive();
    while (message === null && way === "try") message = channel.tryReceive();
    const now = monotonicNanoseconds();
    bytes.set((message ?? ended()).subarray(0, 8));
    taken[i] = now - stamp[0]!;
  }
  taken.sort();
  return [0.5, 0.99, 0.999].map((part) => taken[Math.floor(times * part)]!);
}
