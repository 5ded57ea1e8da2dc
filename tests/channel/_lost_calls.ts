/** The calls on channels that must throw where a page is lost, by the member. */

import type { Broadcast, Channel, Latest } from "@mmap/mmap/channel";

/** Longer than any wait here that goes well. */
export const LATE = { timeoutMs: 20_000 };
export const message: Uint8Array<ArrayBuffer> = new Uint8Array(100).fill(7);

export const CHANNEL_CALLS: Record<string, (channel: Channel) => unknown> = {
  trySend: (channel) => channel.trySend(message),
  sendSync: (channel) => channel.sendSync(message, LATE),
  send: (channel) => channel.send(message, LATE),
  sendMany: (channel) => channel.sendMany([message, message], LATE),
  reserve: (channel) => channel.reserve(10),
  closeSending: (channel) => channel.closeSending(),
  tryReceive: (channel) => channel.tryReceive(),
  receiveSync: (channel) => channel.receiveSync(LATE),
  receive: (channel) => channel.receive(LATE),
  tryReceiveInto: (channel) => channel.tryReceiveInto(new Uint8Array(200)),
  receiveIntoSync: (channel) => channel.receiveIntoSync(new Uint8Array(200), LATE),
  receiveInto: (channel) => channel.receiveInto(new Uint8Array(200), LATE),
  receiveMany: (channel) => channel.receiveMany(10, LATE),
  peek: (channel) => channel.peek(),
  receiveInPlace: (channel) => channel.receiveInPlace(LATE),
  "[Symbol.asyncIterator]": (channel) => Array.fromAsync(channel),
  values: (channel) => channel.values().receive(LATE),
  readable: (channel) => Array.fromAsync(channel.readable),
  writable: async (channel) => {
    const writer = channel.writable.getWriter();
    await writer.write(message).finally(() => writer.releaseLock());
  },
  ended: (channel) => channel.ended,
  stats: (channel) => channel.stats(),
};

export const BROADCAST_CALLS: Record<string, (broadcast: Broadcast) => unknown> = {
  stats: (broadcast) => broadcast.stats(),
  publish: (broadcast) => broadcast.publish(message),
  subscribe: (broadcast) => broadcast.subscribe(),
  "subscribe, and tryReceive": (broadcast) => broadcast.subscribe().tryReceive(),
};

export const LATEST_CALLS: Record<string, (latest: Latest) => unknown> = {
  write: (latest) => latest.write(message),
  read: (latest) => latest.read(),
  version: (latest) => latest.version,
  stats: (latest) => latest.stats(),
  changed: (latest) => latest.changed(LATE),
};
