/**
 * Runs the synchronous members of `@mmap/mmap/sync` in every order that a few actors can have, one
 * access to memory at a time. A schedule in which a check fails, everybody waits for ever, or an
 * error gets out is an error with the whole course of events.
 *
 * While a search runs, `Atomics`, `Int32Array`, the clock and the identity of threads are the
 * scheduler's. It is synchronous, so nobody else sees them.
 */

import { THREADS } from "../../src/wait/holder.ts";
import { Spinner } from "../../src/wait/spinner.ts";
import { intercept, type Interceptor } from "./_atomics.ts";
import { Paths } from "./_paths.ts";
import type { Bounds, Plan } from "./_actors.ts";
import { Schedule } from "./_schedule.ts";

export type { Bounds, Plan };

/** What a search went through. */
export interface Explored {
  readonly schedules: number;
  readonly states: number;
}

let schedule: Schedule | undefined;

/** The number of the first actor; the others follow. */
export const FIRST_NUMBER = 101;

/** The fingerprint of an actor. */
export function fingerprintOf(actor: number): number {
  return 0x1000 + actor;
}

/** Runs a plan in every order within the bounds. @throws {Error} With the schedule that failed */
export function explore(makePlan: () => Plan, bounds: Bounds = {}): Explored {
  const restore = takeOver();
  const paths = new Paths();
  const seen = new Set<number>();
  try {
    for (let schedules = 1;; schedules++) {
      try {
        schedule = undefined;
        schedule = new Schedule(makePlan(), bounds, paths, seen);
        schedule.run();
      } catch (error) {
        paths.restart();
        throw new Error(
          `Schedule ${schedules} failed: ${error}\n${retrace(makePlan, bounds, paths)}`,
          {
            cause: error,
          },
        );
      }
      if (!paths.advance()) return { schedules, states: seen.size };
    }
  } finally {
    schedule = undefined;
    restore();
  }
}

/** Runs the same path once more, to tell what happened on it. */
function retrace(makePlan: () => Plan, bounds: Bounds, paths: Paths): string {
  schedule = undefined;
  schedule = new Schedule(makePlan(), bounds, paths, new Set());
  schedule.trace = [];
  try {
    schedule.run();
  } catch {
    // As before.
  }
  return schedule.trace.join("\n");
}

/** A step of the test's own, such as a check. It is taken once, and may throw. */
export function step<T>(name: string, action: () => T): T {
  return schedule!.access(name, 0, action);
}

/** Whether an actor was killed; a step asks. */
export function isKilled(actor: number): boolean {
  return schedule!.isDead(actor);
}

/** Takes either way. */
export function flip(): boolean {
  return schedule!.flip();
}

/**
 * Runs a body so often. What comes later must not depend on what an earlier turn has seen: states are
 * told apart by the turn alone then, which spares a lot of schedules.
 */
export function times(count: number, body: (turn: number) => void): void {
  for (let turn = 0; turn < count; turn++) {
    schedule!.forget(turn);
    body(turn);
  }
  schedule!.forget(count);
}

function takeOver(): () => void {
  const { self, isSelf, isDead } = THREADS;
  const { now } = performance;
  const restore = intercept(interceptor);
  Spinner.enabled = false; // it would only make every schedule longer
  performance.now = () => schedule?.now ?? 0;
  THREADS.self = () => {
    const actor = schedule!.self!;
    return { number: FIRST_NUMBER + actor, fingerprint: fingerprintOf(actor) };
  };
  THREADS.isSelf = (number, fingerprint) => {
    const actor = schedule!.self!;
    return number === FIRST_NUMBER + actor && fingerprint === fingerprintOf(actor);
  };
  THREADS.isDead = (number, fingerprint) => {
    const actor = number - FIRST_NUMBER;
    return schedule!.access(
      "isDead",
      number,
      () => schedule!.isDead(actor) || (fingerprint !== 0 && fingerprint !== fingerprintOf(actor)),
    );
  };
  return () => {
    restore();
    Spinner.enabled = true;
    performance.now = now;
    Object.assign(THREADS, { self, isSelf, isDead });
  };
}

/** Whatever schedule runs. */
const interceptor: Interceptor = {
  access: (name, index, perform) =>
    schedule === undefined ? perform() : schedule.access(name, index, perform),
  wait: (...args) => schedule!.wait(...args),
  notify: (...args) => schedule!.notify(...args),
};
