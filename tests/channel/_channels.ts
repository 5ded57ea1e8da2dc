/** What the channel tests share. */

import { Channel, type ChannelOptions } from "@mmap/mmap/channel";
import { Child, type ChildOptions } from "../_child.ts";

/** Bytes of a text. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The text of a message; null stays null. */
export function textOf(message: Uint8Array | null): string | null {
  return message === null ? null : new TextDecoder().decode(message);
}

/** A channel and a second object for it, as another process would have one. */
export interface Pair extends Disposable {
  readonly sender: Channel;
  readonly receiver: Channel;
}

/** Opens both ends of a new channel. */
export function openPair(options: Partial<ChannelOptions> = {}): Pair {
  const sender = Channel.create({ capacity: 4096, ...options });
  const receiver = Channel.attach(sender.handle());
  return {
    sender,
    receiver,
    [Symbol.dispose](): void {
      receiver.close();
      sender.close();
    },
  };
}

/** Sends messages of 1000 bytes until there is no more room. @returns how many */
export function fill(channel: Channel): number {
  let count = 0;
  while (channel.trySend(new Uint8Array(1000).fill(count))) count++;
  return count;
}

const PEERS = new URL("_peers.ts", import.meta.url);

/** A child that finds the channel in its environment: an action of _peers.ts and its arguments. */
export function peer(channel: Channel, action: unknown[], options: ChildOptions = {}): Child {
  return new Child(PEERS, {
    ...options,
    args: action,
    env: { ...options.env, ...channel.env() },
  });
}

/** A message that is a number. */
export function numbered(n: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Float64Array([n]).buffer);
}

/** The number that a message is. */
export function numberOf(message: Uint8Array<ArrayBuffer>): number {
  return new Float64Array(message.buffer, 0, 1)[0]!;
}
