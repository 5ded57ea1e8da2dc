/** What the kinds with rings have in common. */

import type { Kind } from "../../channel/header.ts";
import {
  CAPACITY,
  CREATION_LOCK,
  ENDED_BIT,
  HEADER_BYTE_LENGTH,
  LARGEST_CAPACITY,
  LEAST_CAPACITY,
  MESSAGE_LAYOUT,
  PADDING,
  STATE,
  unitsOf,
  VERSION,
} from "../../channel/layout.ts";
import { asleepIn } from "../../channel/doorbells.ts";
import type { Finding } from "./finding.ts";
import { damaged, type LockPlace, type Look } from "./look.ts";

/** A page of words that makes sense. */
export type Header = Int32Array<ArrayBuffer>;

/** The first page. @throws {Deno.errors.InvalidData} If it is of another version. */
export function readHeader(look: Look, { version }: Kind): Header {
  const words = look.words(0, HEADER_BYTE_LENGTH);
  if (words[VERSION] === version) return words;
  throw damaged(`it has version ${words[VERSION]}, and this program reads ${version}`);
}

/** @throws {Deno.errors.InvalidData} If there can be no such ring. */
export function capacityOf(look: Look, words: Header): number {
  const capacity = words[CAPACITY]!;
  const isPower = (capacity & (capacity - 1)) === 0;
  if (!isPower || capacity < LEAST_CAPACITY || capacity > LARGEST_CAPACITY) {
    throw damaged(`a capacity of ${capacity} bytes is not possible`);
  }
  if (HEADER_BYTE_LENGTH + capacity <= look.byteLength) return capacity;
  throw damaged(`its ring of ${capacity} bytes is longer than the region`);
}

/** The lock under which it was created. */
export function creationLock(look: Look, words: Header): LockPlace {
  return look.lock(words, { index: CREATION_LOCK, name: "creation", kind: "mutex" });
}

export function stateOf(words: Header): "open" | "ended" {
  return (words[STATE]! & ENDED_BIT) === 0 ? "open" : "ended";
}

/** The layout of the messages as text; null for any bytes. */
export function messageLayoutOf(words: Header): string | null {
  const [low, high] = [words[MESSAGE_LAYOUT]!, words[MESSAGE_LAYOUT + 1]!];
  if (low === 0 && high === 0) return null;
  return [high, low].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

/** The processes that sleep in their event loops until they are rung for. */
export function awaiting(look: Look, words: Header): number[] {
  return asleepIn(words).filter(({ number, fingerprint }) => look.isAlive(number, fingerprint))
    .map(({ pid }) => pid);
}

/** Lines about those who sleep in their event loops. */
export function awaitingLines(look: Look, pids: readonly number[]): Finding["lines"] {
  return pids.length === 0
    ? {}
    : { awaiting: pids.map((pid) => look.peers.person(pid)).join(", ") };
}

/** How much of a ring is walked through to count messages, in bytes. */
const MOST_WALKED = 2 ** 24;

/**
 * How many messages lie between two positions of the ring.
 *
 * @returns undefined if it is too much to read
 * @throws {Deno.errors.InvalidData} If no record can be there
 */
export function countMessages(
  look: Look,
  capacity: number,
  from: number,
  to: number,
): number | undefined {
  const units = capacity / 8;
  if (8 * (to - from) > MOST_WALKED) return undefined;
  const first = from % units;
  const spans: [number, number][] = first + to - from <= units
    ? [[first, first + to - from]]
    : [[first, units], [0, first + to - from - units]];
  let count = 0;
  for (const [start, end] of spans) {
    const ring = look.words(HEADER_BYTE_LENGTH + 8 * start, 8 * (end - start));
    for (let at = 0; at < end - start;) {
      const byteLength = ring[2 * at]!;
      if (byteLength === PADDING) break;
      const next = at + unitsOf(byteLength);
      if (byteLength < 0 || next > end - start) {
        throw damaged(`no message can have ${byteLength} bytes`);
      }
      at = next;
      count++;
    }
  }
  return count;
}
