/**
 * What build_short_ratios.ts measures. It is loaded once for each build: a loop that has met the
 * classes of two builds would be slower than one that knows one of them, as it is in a program.
 */

import type { Channel, ChannelOptions } from "@mmap/mmap/channel";
import type { SharedMap } from "@mmap/mmap/collections";
import type { MmapRegion } from "@mmap/mmap";
import { threadNanoseconds } from "./_clock.ts";
import { KEY_BYTE_LENGTH, keyOf, shuffledKeys, VALUE_BYTE_LENGTH, valueOf } from "./_map_work.ts";

/** The modules of one build. */
export interface Build {
  readonly Channel: typeof Channel;
  readonly SharedMap: typeof SharedMap;
  readonly MmapRegion: typeof MmapRegion;
}

/** Does its work so many times. @returns the nanoseconds of one time, of this thread's processor */
export type Work = (times: number) => number | Promise<number>;

const BATCH = 64;

let sum = 0;

function timed(work: (times: number) => void): Work {
  return (times) => {
    const start = threadNanoseconds();
    work(times);
    return (threadNanoseconds() - start) / times;
  };
}

function timedAsync(work: (times: number) => Promise<void>): Work {
  return async (times) => {
    const start = threadNanoseconds();
    await work(times);
    return (threadNanoseconds() - start) / times;
  };
}

/** Both ends in one process. */
function pair(
  { Channel }: Build,
  options: Partial<ChannelOptions> = {},
): { sender: Channel; receiver: Channel } {
  const sender = Channel.create({ capacity: 65536, ...options });
  return { sender, receiver: Channel.attach(sender.handle(), { pooled: options.pooled ?? false }) };
}

/** `trySend` and `tryReceiveInto`. */
export function into(build: Build, byteLength: number, options?: Partial<ChannelOptions>): Work {
  const { sender, receiver } = pair(build, options);
  const message = new Uint8Array(byteLength).fill(1);
  const target = new Uint8Array(byteLength);
  return timed((times) => {
    for (let i = 0; i < times; i++) {
      sender.trySend(message);
      sum += receiver.tryReceiveInto(target)!;
    }
  });
}

/** As `into`, with one message through each of so many channels in turn. */
export function inTurn(build: Build, byteLength: number, channels: number): Work {
  const pairs = Array.from({ length: channels }, () => pair(build, { capacity: 4096 }));
  const message = new Uint8Array(byteLength).fill(1);
  const target = new Uint8Array(byteLength);
  return timed((times) => {
    for (let i = 0, next = 0; i < times; i++, next = next === channels - 1 ? 0 : next + 1) {
      const { sender, receiver } = pairs[next]!;
      sender.trySend(message);
      sum += receiver.tryReceiveInto(target)!;
    }
  });
}

/** `trySend` and `tryReceive` of a channel with `pooled`. */
export function pooled(build: Build, byteLength: number): Work {
  const { sender, receiver } = pair(build, { pooled: true });
  const message = new Uint8Array(byteLength).fill(1);
  return timed((times) => {
    for (let i = 0; i < times; i++) {
      sender.trySend(message);
      sum += receiver.tryReceive()!.length;
    }
  });
}

/** `receiveInto` of a message that is there already. */
export function awaitedInto(build: Build, byteLength: number): Work {
  const { sender, receiver } = pair(build);
  const message = new Uint8Array(byteLength).fill(1);
  const target = new Uint8Array(byteLength);
  return timedAsync(async (times) => {
    for (let i = 0; i < times; i++) {
      sender.trySend(message);
      sum += (await receiver.receiveInto(target))!;
    }
  });
}

/** `receiveMany` of one message that is there already. */
export function awaitedMany(build: Build, byteLength: number): Work {
  const { sender, receiver } = pair(build, { pooled: true });
  const message = new Uint8Array(byteLength).fill(1);
  return timedAsync(async (times) => {
    for (let i = 0; i < times; i++) {
      sender.trySend(message);
      sum += (await receiver.receiveMany(BATCH)).length;
    }
  });
}

/** `trySend` alone: the ring is emptied by `receiveMany` outside of the time. */
export function sending(build: Build, byteLength: number, options?: Partial<ChannelOptions>): Work {
  const { sender, receiver } = pair(build, options);
  const message = new Uint8Array(byteLength).fill(1);
  const round = Math.floor(65536 / (byteLength + 8));
  return async (times) => {
    let taken = 0;
    for (let done = 0; done < times; done += round) {
      const start = threadNanoseconds();
      for (let i = 0; i < round; i++) if (!sender.trySend(message)) throw new Error("full");
      taken += threadNanoseconds() - start;
      sum += (await receiver.receiveMany(round)).length;
    }
    return taken / (Math.ceil(times / round) * round);
  };
}

/** A full map with `pooled`, and its keys in no order. */
function fullMap(
  { SharedMap, MmapRegion }: Build,
  size: number,
): { map: SharedMap; keys: string[] } {
  const map = SharedMap.open(MmapRegion.anonymous(4096 + size * 150 + (1 << 16)), {
    capacity: size,
    maxKeyByteLength: KEY_BYTE_LENGTH,
    valueByteLength: VALUE_BYTE_LENGTH,
    pooled: true,
  });
  for (let i = 0; i < size; i++) map.set(keyOf(i), valueOf(i));
  return { map, keys: shuffledKeys(size) };
}

/** `SharedMap.get` */
export function get(build: Build, size: number): Work {
  const { map, keys } = fullMap(build, size);
  return timed((times) => {
    for (let i = 0, next = 0; i < times; i++, next = next === size - 1 ? 0 : next + 1) {
      sum += map.get(keys[next]!)![0]!;
    }
  });
}

/** `SharedMap.getInto` */
export function getInto(build: Build, size: number): Work {
  const { map, keys } = fullMap(build, size);
  const target = new Uint8Array(VALUE_BYTE_LENGTH);
  return timed((times) => {
    for (let i = 0, next = 0; i < times; i++, next = next === size - 1 ? 0 : next + 1) {
      sum += map.getInto(keys[next]!, target)!;
    }
  });
}

/** For whoever asks whether the work was done. */
export function total(): number {
  return sum;
}
