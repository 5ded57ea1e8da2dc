/** Reads one primitive of `./sync`, wherever it lies. */

import { Barrier, FIRST_MEMBER as FIRST_PARTY, LIST_ROUND, ROUND } from "../../sync/barrier.ts";
import { Mutex } from "../../sync/mutex.ts";
import { DONE } from "../../sync/once.ts";
import { DRAIN, FIRST_MEMBER, RwWords, WRITER } from "../../wait/rw_words.ts";
import type { LockPlace, Look } from "./look.ts";

/** What a primitive is like now. */
export interface PrimitiveState {
  /** For programs: a number, or words. */
  readonly state: string;
  readonly locks: readonly LockPlace[];
  /** The word that those sleep on who wait for it, in bytes from its beginning, if it is no lock. */
  readonly bell?: number;
}

/** A primitive to be read. */
export interface PrimitivePlace {
  readonly name: string;
  readonly byteOffset: number;
  readonly byteLength: number;
  /** The parties of a barrier. */
  readonly detail: number;
}

/** The length of a primitive, in bytes. */
export function byteLengthOf(kind: string): number {
  if (kind === "rwlock") return RwWords.byteLength;
  return kind === "barrier" ? Barrier.byteLength : Mutex.byteLength;
}

type PrimitiveReader = (words: Int32Array, place: PrimitivePlace, look: Look) => PrimitiveState;

/** By the names of the kinds in the table of a layout. */
export const PRIMITIVES: Readonly<Record<string, PrimitiveReader>> = {
  futex: ([value]) => ({ state: `${value}`, locks: [], bell: 0 }),
  semaphore: ([count]) => ({ state: `${count} free`, locks: [], bell: 0 }),
  condition: () => ({ state: "", locks: [], bell: 0 }),
  event: ([value]) => ({ state: value === 0 ? "not set" : "set", locks: [], bell: 0 }),
  mutex: (words, place, look) => lockState([lockIn(words, place, look, "mutex")], "free"),
  once: (words, place, look) =>
    lockState([lockIn(words, place, look, "once")], words[DONE] === 0 ? "not run" : "done"),
  rwlock: readRwLock,
  barrier: readBarrier,
};

function lockIn(
  words: Int32Array,
  { name, byteOffset: start }: PrimitivePlace,
  look: Look,
  kind: LockPlace["kind"],
): LockPlace {
  return look.lock(words, { index: 0, start, name, kind });
}

function lockState(locks: readonly LockPlace[], free: string): PrimitiveState {
  return { state: locks.some(({ holder }) => holder !== null) ? "held" : free, locks };
}

function readRwLock(words: Int32Array, place: PrimitivePlace, look: Look): PrimitiveState {
  const { name, byteOffset: start } = place;
  const writer = look.lock(words, { index: WRITER, start, name, kind: "rwlock-writer" });
  const readers = membersIn(words, FIRST_MEMBER).map((at): LockPlace => ({
    name,
    byteOffset: start + 4 * at,
    kind: "rwlock-reader",
    holder: look.holder(words[at]!, words[at + 1]!, `${name} for reading`),
    sleepsAt: [],
  }));
  // A writer waits there until the last reader has left.
  const sleepsAt = [...writer.sleepsAt, start + 4 * DRAIN];
  const state = readers.length > 0
    ? `${readers.length} read${writer.holder === null ? "" : ", a writer waits for them"}`
    : writer.holder === null
    ? "free"
    : "written";
  // A writer that has its word while somebody reads is still waiting.
  const holder = readers.length > 0 ? null : writer.holder;
  return { state, locks: [{ ...writer, holder, sleepsAt }, ...readers] };
}

function readBarrier(words: Int32Array, place: PrimitivePlace, look: Look): PrimitiveState {
  const here = words[LIST_ROUND] === words[ROUND] ? membersIn(words, FIRST_PARTY).length : 0;
  return {
    state: `${here} of ${place.detail} are here, round ${words[ROUND]! >>> 0}`,
    locks: [lockIn(words, place, look, "turn")],
    bell: 4 * ROUND,
  };
}

/** The slots that are taken in a list: `wait/members.ts`. */
export function membersIn(words: Int32Array, first: number): number[] {
  const end = Math.min(words[first - 1]!, words.length);
  const taken: number[] = [];
  for (let at = first; at + 1 < end; at += 2) if (words[at] !== 0) taken.push(at);
  return taken;
}
