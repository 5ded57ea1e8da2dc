/** What the broadcast tests share: messages that tell their number and whether they are whole. */

import { assertEquals } from "@std/assert";
import type { Broadcast, Subscription } from "@mmap/mmap/channel";
import { Child } from "../../_child.ts";

const FEED_PEERS = new URL("_feed_peers.ts", import.meta.url);

/** A message of 8 to 700 bytes of which every byte follows from its number. */
export function messageOf(number: number): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(8 + (number * 53) % 693);
  new DataView(message.buffer).setFloat64(0, number);
  for (let i = 8; i < message.length; i++) message[i] = number * 7 + i * 13;
  return message;
}

/** The number of a message. @throws {Error} If any byte of it is another one */
export function numberOf(message: Uint8Array): number {
  const number = new DataView(message.buffer, message.byteOffset, message.length).getFloat64(0);
  let isWhole = message.length === 8 + (number * 53) % 693;
  for (let i = 8; i < message.length; i++) {
    if (message[i] !== ((number * 7 + i * 13) & 0xff)) isWhole = false;
  }
  if (!isWhole) throw new Error(`A message of ${message.length} bytes is torn: ${number}`);
  return number;
}

/** Publishes messages with the numbers from `first` to `end` (exclusive). */
export function publishNumbers(feed: Broadcast, first: number, end: number): void {
  for (let number = first; number < end; number++) feed.publish(messageOf(number));
}

/**
 * Takes what is there, and checks that it is in order, the lost ones counted.
 *
 * @param most how many: beside a writer that is quicker than this there is no end to them
 */
export function drain(
  subscription: Subscription,
  received: { count: number },
  most: number = Infinity,
): void {
  for (let taken = 0; taken < most; taken++) {
    const message = subscription.tryReceive();
    if (message === null) return;
    assertEquals(numberOf(message), subscription.lost + received.count);
    received.count++;
  }
}

/** A child that finds the broadcast in its environment: an action of _feed_peers.ts. */
export function feedPeer(feed: Broadcast, ...action: unknown[]): Child {
  return new Child(FEED_PEERS, { args: action, env: feed.env() });
}

/** A child that writes so many messages to a broadcast in a file. */
export function filePeer(path: string, first: number, end: number, closes: boolean): Child {
  return new Child(FEED_PEERS, { args: ["writeToFile", path, first, end, closes] });
}
