/**
 * The messages between a server and one of its clients, in the two channels that they share.
 *
 * | bytes | what |
 * |---|---|
 * | 0 | the kind of message |
 * | 1 | 1: more parts of it follow; 0: this is all, or the last part |
 * | 2, 3 | 0 |
 * | 4-7 | the number of the call, little endian; 0 where it is about none |
 * | 8... | the message, or a part of it |
 *
 * The client begins with HELLO and the server with WELCOME. A client gives every call a number that
 * no other call has until the server ends it: with ANSWER, FAILURE or, after a cancellation, ENDED.
 * A side that receives anything else leaves.
 */

import type { Channel } from "../queue/channel.ts";

/** From client to server: the version that the client uses. */
export const HELLO = 1;
/** From server to client: the version, and how many calls it takes from this client at a time. */
export const WELCOME = 2;
/** From client to server: a call. */
export const REQUEST = 3;
/** From client to server: cancels a call, with the reason. */
export const CANCEL = 4;
/** From server to client: the result of a call. */
export const ANSWER = 5;
/** From server to client: the error of a call. */
export const FAILURE = 6;
/** From server to client: a cancelled call is over. */
export const ENDED = 7;

/** The version of these messages. */
export const RPC_VERSION = 1;

/** The reason in CANCEL for a time that is up. */
export const TIMED_OUT = 1;
export const ABORTED = 2;

const HEADER_BYTE_LENGTH = 8;

/** A received message, or a part of one. */
export interface Frame {
  readonly kind: number;
  readonly hasMore: boolean;
  readonly call: number;
  readonly part: Uint8Array<ArrayBuffer>;
}

/** @throws {Deno.errors.InvalidData} If the bytes are not a frame. */
export function readFrame(message: Uint8Array): Frame {
  const [kind, more, zero, alsoZero] = message;
  if (
    message.length < HEADER_BYTE_LENGTH || kind! < HELLO || kind! > ENDED || more! > 1 ||
    zero !== 0 || alsoZero !== 0
  ) throw new Deno.errors.InvalidData("Cannot read message: it is not from a server or client");
  const call = message[4]! | message[5]! << 8 | message[6]! << 16 | message[7]! << 24;
  // A copy, because the program may keep it and look at its buffer.
  const part = message.slice(HEADER_BYTE_LENGTH) as Uint8Array<ArrayBuffer>;
  return { kind: kind!, hasMore: more === 1, call: call >>> 0, part };
}

// Byte by byte: making a DataView for each message would cost more.
function frameOf(kind: number, call: number, hasMore: boolean, part: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTE_LENGTH + part.length);
  frame[0] = kind;
  frame[1] = hasMore ? 1 : 0;
  for (let i = 0; i < 4; i++) frame[4 + i] = call >>> (8 * i);
  frame.set(part, HEADER_BYTE_LENGTH);
  return frame;
}

/** A message is sent in parts of at most a quarter of the ring: one is read while the next is written. */
function longestPart(capacity: number): number {
  return capacity / 4 - 2 * HEADER_BYTE_LENGTH;
}

/**
 * Sends a message of any length, and waits as long as there is no room.
 *
 * @param isWanted called before every further part
 * @returns false if it was no longer wanted, and the rest was not sent
 */
export async function sendMessage(
  channel: Channel,
  kind: number,
  call: number,
  bytes: Uint8Array,
  isWanted: () => boolean = () => true,
): Promise<boolean> {
  const most = longestPart(channel.capacity);
  for (let at = 0; at + most < bytes.length; at += most) {
    await sendFrame(channel, frameOf(kind, call, true, bytes.subarray(at, at + most)));
    if (!isWanted()) return false;
  }
  const last = bytes.length <= most ? 0 : Math.floor((bytes.length - 1) / most) * most;
  await sendFrame(channel, frameOf(kind, call, false, bytes.subarray(last)));
  return true;
}

/** Sends a frame; a short one is sent at once if there is room. */
function sendFrame(channel: Channel, frame: Uint8Array): Promise<void> | undefined {
  return channel.trySend(frame) ? undefined : channel.send(frame);
}

/** Sends a message that belongs to no call, when there is certainly room. */
export function sendFirst(channel: Channel, kind: number, words: readonly number[]): boolean {
  return channel.trySend(frameOf(kind, 0, false, new Uint8Array(new Uint32Array(words).buffer)));
}

/** The numbers of a message from `sendFirst`. */
export function wordsOf({ part }: Frame): Uint32Array {
  return new Uint32Array(part.buffer, 0, part.length >>> 2);
}

/** The parts of a message that were received so far. */
export class Parts {
  #parts: Uint8Array<ArrayBuffer>[] = [];
  /** The total length, in bytes. */
  byteLength = 0;

  add(part: Uint8Array<ArrayBuffer>): void {
    this.#parts.push(part);
    this.byteLength += part.length;
  }

  /** Takes the whole message, and starts again with none. */
  take(): Uint8Array<ArrayBuffer> {
    const parts = this.#parts;
    this.#parts = [];
    if (parts.length === 1) return parts[0]!;
    const whole = new Uint8Array(this.byteLength);
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}
