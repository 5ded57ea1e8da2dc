/** What a system can do about words in shared memory: waiting until another process wakes. */

import type { OpenObject } from "./object_system.ts";

/** How a wait ended: woken (perhaps for nothing), the word was another one already, or time is up. */
export type WaitResult = "ok" | "not-equal" | "timed-out";

/** A word of four bytes in mapped memory. */
export interface SystemWord {
  readonly pointer: Deno.PointerObject;
  /** Where it is for all processes: in this object. Undefined for private memory. */
  readonly object: OpenObject | undefined;
  readonly byteOffset: number;
}

/** One of several words that are waited for. */
export interface WaitEntry {
  readonly address: number;
  readonly expected: number;
}

/** Waiting for several words, off the isolate's thread. One call at a time. */
export interface ManyWaiting {
  /** How many words one call takes. */
  readonly capacity: number;
  /**
   * Waits until one of the words is woken, has another value, or the time is over, or for nothing.
   *
   * @returns which was woken, if that is known
   */
  park(entries: readonly WaitEntry[], timeoutMs: number): Promise<number | undefined>;
  /** Ends the call that is under way, or about to be. Silent if there is none. */
  interrupt(): void;
}

/** Words that processes share. Every method throws the system's error. */
export interface WaitingSystem {
  /** Waits once while a word has that value. @param timeoutMs above 0 and finite */
  wait(word: SystemWord, expected: number, timeoutMs: number): WaitResult;
  /** Wakes at most `count` that wait for a word. @returns how many those were */
  wake(word: SystemWord, count: number): number;
  /** Undefined where the values can only be looked at again and again. */
  many(): ManyWaiting | undefined;
}
