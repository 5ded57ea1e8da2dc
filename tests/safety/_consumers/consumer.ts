/** What can take a region's bytes and use them later. */

import type { PeerKind } from "./peers.ts";

/** Where a consumer works. */
export interface Given {
  /** Its own, empty at first but for a pipe or a socket of the peer's. */
  readonly dir: string;
  /** Where its peer is; "" if it has none, or if that comes by itself. */
  readonly place: string;
  readonly byteLength: number;
  /** When the bytes have been taken away. */
  readonly gone: Promise<void>;
}

/** A consumer that only wants the bytes. */
export interface Ready {
  /** Hands the bytes over, and keeps nothing of them. What it gives says what became of them. */
  use(bytes: Uint8Array<ArrayBuffer>): Promise<unknown>;
  /** Where the peer finds it. */
  readonly place?: string;
  /** Called when the peer has left and the consumer is not over. */
  giveUp?(): unknown;
  /** Called when all is over. */
  end?(): unknown;
}

/** A built-in that takes bytes and may still use them when the call that took them has returned. */
export interface Consumer {
  /** As docs/lending.md calls it. */
  readonly name: string;
  /** More than lies in the buffers between it and its peer. */
  readonly byteLength: number;
  /** What the region holds; by default {@linkcode OWN} everywhere. */
  content?(byteLength: number): Uint8Array<ArrayBuffer>;
  readonly peer?: PeerKind;
  /** It does not read the bytes but writes so many of them. */
  readonly fills?: number;
  /** It takes the buffer itself; a region without one cannot be resized. */
  readonly transfers?: true;
  /** It has a bare pointer to what is left to be sent, and may wait for ever once that is gone. */
  readonly stalls?: true;
  /** It says itself how many bytes it has taken. */
  readonly partial?: true;
  /**
   * When it has begun: its peer has first bytes, another thread is at work, or the event loop has
   * turned once.
   */
  readonly begun: "peer" | "thread" | "turn";
  /** Makes all that has to be there first: connections, keys, files. */
  prepare(given: Given): Ready | Promise<Ready>;
}

/** One that has nothing to prepare. */
export function simple(use: Ready["use"]): Consumer["prepare"] {
  return () => ({ use });
}

export const MIB = 1 << 20;
