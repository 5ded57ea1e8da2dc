/** What the plans of the schedule tests share. */

import { assert, assertEquals } from "@std/assert";
import { PlainInt32Array } from "./_atomics.ts";
import type { Attempt } from "../../src/wait/attempt.ts";
import { type Bounds, explore, flip, type Plan, step } from "./_scheduler.ts";

/** Registers a test that runs a plan in every order within the bounds. */
export function inEveryOrder(name: string, makePlan: () => Plan, bounds: Bounds = {}): void {
  Deno.test(name, () => {
    const { schedules, states } = explore(makePlan, bounds);
    assert(schedules > 1, "There was only one schedule");
    if (Deno.env.has("SHOW_SCHEDULES")) {
      console.log(`${schedules} schedules, ${states} states: ${name}`);
    }
  });
}

/** Shared memory with a few words of the test's own behind the primitive. */
export class Arena {
  readonly memory: SharedArrayBuffer;
  /** The words of the primitive. */
  readonly words: Int32Array;
  readonly #own: Int32Array;

  constructor(byteLength: number) {
    this.memory = new SharedArrayBuffer(byteLength + 64);
    this.words = new PlainInt32Array(this.memory, 0, byteLength / 4);
    this.#own = new PlainInt32Array(this.memory, byteLength, 16);
  }

  /** Counts in one of the words of the test's own; not a step by itself. */
  count(word: number, by = 1): number {
    return this.#own[word]! += by;
  }

  /** A part of the program that only one may be in. */
  exclusive(actor: number, body: () => void = () => {}): void {
    step("enter", () => {
      assertEquals(this.#own[0], 0, `${actor} came while another one was in`);
      this.#own[0] = 1 + actor;
      this.#own[1]! += 1;
    });
    body();
    step("leave", () => {
      assertEquals(this.#own[0], 1 + actor);
      this.#own[0] = 0;
    });
  }

  /** Who is in, plus 1; 0 for nobody. */
  get inside(): number {
    return this.#own[0]!;
  }

  /** Takes a dead one out. */
  evict(): void {
    this.#own[0] = 0;
  }

  /** Whether the primitive is as it was at the beginning. */
  assertZero(): void {
    assertEquals([...this.words], [...this.words].fill(0));
  }

  /** How often somebody was in. */
  get visits(): number {
    return this.#own[1]!;
  }
}

/**
 * Waits as an awaited call does whose signal may be aborted, also after it was woken.
 *
 * @returns undefined if it was aborted
 */
export function waitOrAbort<T>(attempt: Attempt<T>): T | undefined {
  while (true) {
    const result = attempt.prepare(true);
    if (result !== undefined) return result;
    const { words, index, expected } = attempt;
    if (words.waitSync(index, expected, ABORT_MS) === "timed-out" || flip()) {
      attempt.cancel();
      return undefined;
    }
  }
}

/** The scheduler lets a wait of this end at any time. */
const ABORT_MS = 10;

/** Whether `call` ended in time. */
export function inTime(call: () => void): boolean {
  try {
    call();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.TimedOut) return false;
    throw error;
  }
}
