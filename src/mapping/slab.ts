/**
 * Copies of messages, records and values out of mapped memory. Making an ArrayBuffer costs ten
 * times as much as copying a few bytes (about 400 ns, since Deno keeps no array inside V8's heap).
 * Making a view of a common buffer takes 30 ns, as Node's `Buffer` does it. But then `copy.buffer`
 * is larger than the copy, and cloning the copy clones its neighbours too, so this is only for
 * callers that ask for it.
 */

import { markAsUntransferable } from "node:worker_threads";
import { headOf } from "../../ffi/memory.ts";

/**
 * The size of a common buffer, in bytes: a message that is kept keeps all of it. Making one takes
 * microseconds, which 64 messages of 1 KiB share.
 */
const SLAB_BYTE_LENGTH = 65536;

/** The longest message in a common buffer, in bytes. */
const LONGEST_POOLED = 1024;

/**
 * Up to this size, in bytes, copying word by word is quicker than `set`, which needs another view.
 */
export const LONGEST_LOOP = 256;

let buffer: ArrayBuffer;
let slab: Uint8Array<ArrayBuffer>;
let slabWords: Int32Array<ArrayBuffer>;
let used = SLAB_BYTE_LENGTH;

function renew(): void {
  buffer = new ArrayBuffer(SLAB_BYTE_LENGTH);
  // Otherwise a program that transfers one message to a Worker would detach all others.
  markAsUntransferable(buffer);
  slab = new Uint8Array(buffer);
  slabWords = new Int32Array(buffer);
  used = 0;
}

/** Up to this size, in bytes, a loop is quicker than a call. */
const LONGEST_BYTE_LOOP = 24;

/** A copy of `byteLength` bytes at `at`, in a buffer of its own. */
export function copyOut(ring: Uint8Array, at: number, byteLength: number): Uint8Array<ArrayBuffer> {
  if (byteLength > LONGEST_BYTE_LOOP) {
    return ring.slice(at, at + byteLength) as Uint8Array<ArrayBuffer>;
  }
  const message = new Uint8Array(byteLength);
  for (let i = 0; i < byteLength; i++) message[i] = ring[at + i]!;
  return message;
}

/**
 * A copy of the `byteLength` bytes that begin at the word `at`, in a common buffer if they are few.
 *
 * @param words the same memory as `ring`
 */
export function pooledCopy(
  ring: Uint8Array,
  words: Int32Array,
  at: number,
  byteLength: number,
): Uint8Array<ArrayBuffer> {
  if (byteLength > LONGEST_POOLED) return copyOut(ring, 4 * at, byteLength);
  if (used + byteLength > SLAB_BYTE_LENGTH) renew();
  const start = used;
  used += (byteLength + 7) & ~7;
  if (byteLength > LONGEST_LOOP) {
    // `subarray` would look for a constructor to call, which takes longer than the view.
    slab.set(new Uint8Array(ring.buffer, ring.byteOffset + 4 * at, byteLength), start);
  } else {
    const own = slabWords;
    const end = (start + byteLength + 3) >>> 2;
    for (let to = start >>> 2, from = at; to < end; to++, from++) {
      own[to] = words[from]!;
    }
  }
  return new Uint8Array(buffer, start, byteLength);
}

/**
 * The words of arrays that something was copied into. Most programs use one again and again, and
 * making a view takes longer than copying a short message. Whoever drops an array drops its words.
 */
const wordsOfTargets = new WeakMap<Uint8Array, Int32Array>();

/** For arrays without words, and for those that do not begin at a multiple of 4. */
const NO_WORDS = new Int32Array();

/** An array that is used once costs more than it saves, so only one use in so many makes words. */
const USES = 16;
let uses = 0;

function wordsOf(target: Uint8Array): Int32Array {
  if (++uses % USES !== 0) return NO_WORDS;
  const { buffer, byteOffset, length } = headOf(target, Infinity);
  const words = byteOffset % 4 === 0 ? new Int32Array(buffer, byteOffset, length >>> 2) : NO_WORDS;
  wordsOfTargets.set(target, words);
  return words;
}

/**
 * Copies the `byteLength` bytes that begin at the word `at` into memory of the caller.
 *
 * @param words the same memory as `ring`
 * @param target at least as long
 */
export function copyInto(
  ring: Uint8Array,
  words: Int32Array,
  at: number,
  byteLength: number,
  target: Uint8Array,
): void {
  const to = byteLength > LONGEST_LOOP ? NO_WORDS : wordsOfTargets.get(target) ?? wordsOf(target);
  const full = byteLength >>> 2;
  let done = 0;
  // If its buffer was resized, it may be longer now than when its words were made.
  if (full <= to.length) {
    for (let from = at; done < full; done++, from++) to[done] = words[from]!;
    done *= 4;
  } else if (byteLength > LONGEST_BYTE_LOOP) {
    target.set(new Uint8Array(ring.buffer, ring.byteOffset + 4 * at, byteLength));
    return;
  }
  for (; done < byteLength; done++) target[done] = ring[4 * at + done]!;
}
