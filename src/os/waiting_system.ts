/**
 * What a system can do with words in shared memory: waiting for a wake-up by another process, and
 * waking.
 */

import type { OpenObject } from "./object_system.ts";

/**
 * How a wait ended: woken (perhaps spuriously), the word had another value already, or the time is
 * up.
 */
export type WaitResult = "ok" | "not-equal" | "timed-out";

/** A word of four bytes in mapped memory. */
export interface SystemWord {
  readonly pointer: Deno.PointerObject;
  /** The object that identifies it for all processes. Undefined for private memory. */
  readonly object: OpenObject | undefined;
  readonly byteOffset: number;
}

/** One of several words that are waited for. */
export interface WaitEntry {
  readonly place: SystemWord;
  /** The address of it. */
  readonly address: number;
  readonly expected: number;
}

/** Waiting for several words, off the isolate's thread. One call at a time. */
export interface ManyWaiting {
  /** How many words one call takes. */
  readonly capacity: number;
  /**
   * Waits until one of the words is woken or has another value, or the time is up. It may also end
   * spuriously.
   *
   * @returns which was woken, if that is known
   */
  park(entries: readonly WaitEntry[], timeoutMs: number): Promise<number | undefined>;
  /** Ends the call that is under way or about to begin. Silent if there is none. */
  interrupt(): void;
  /**
   * Lets go of all words but these. Where a system keeps something between the calls, nobody goes on
   * who has waited before this is done.
   */
  keepOnly?(addresses: ReadonlySet<number>): Promise<void>;
}

/** How a doorbell is found. */
export interface DoorbellPlace {
  /** At most 30 bits; random, and never 0. */
  readonly number: number;
  readonly pid: number;
  readonly fd: number;
}

/** What wakes this isolate in its event loop. */
export interface Doorbell extends DoorbellPlace {
  /** Whether the program goes on only to be rung for. */
  keepAlive(on: boolean): void;
}

/** Waking other isolates in their event loops. */
export interface DoorbellSystem {
  /**
   * Makes this isolate's.
   *
   * @param rung called in the event loop soon after somebody has rung
   * @returns undefined if this isolate can have none
   */
  make(rung: () => void): Promise<Doorbell | undefined>;
  /**
   * The way to another isolate's doorbell.
   *
   * @param place what another process says, which need not be true
   * @returns undefined if there is no doorbell of that number, or this process cannot reach it
   */
  reach(place: DoorbellPlace): number | undefined;
  /** Rings, which never waits and never fails. @param rope what `reach` returned */
  ring(rope: number): void;
  /** Gives up what `reach` returned. */
  drop(rope: number): void;
}

/** Words that processes share. Every method throws the system's error. */
export interface WaitingSystem {
  /** Waits once while a word has that value. @param timeoutMs above 0 and finite */
  wait(word: SystemWord, expected: number, timeoutMs: number): WaitResult;
  /** Wakes at most `count` waiters of a word. @returns how many were woken */
  wake(word: SystemWord, count: number): number;
  /** Undefined if the system can only poll the values. */
  many(): ManyWaiting | undefined;
  /** Absent where isolates can be woken by their words only. */
  readonly doorbells?: DoorbellSystem;
}
