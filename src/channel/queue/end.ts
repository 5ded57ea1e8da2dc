/** The common part of both ends of a queue: joining, locking, and waiting. */

import type { Attempt } from "../../wait/attempt.ts";
import type { Patience } from "../../wait/patience.ts";
import { RobustWord } from "../../wait/robust_word.ts";
import { Spinner } from "../../wait/spinner.ts";
import type { Words } from "../../wait/words.ts";
import { type Membership, type Role, ROLE_NAMES } from "./endpoints.ts";
import type { RingMemory } from "../ring_memory.ts";
import type { CallQueue } from "../call_queue.ts";
import { type WaitMode, WaitStrategy } from "../wait_strategy.ts";

/** The differences between the two ends. */
export interface EndPlan {
  /** For messages: "send message". */
  readonly action: string;
  readonly role: Role;
  readonly otherRole: Role;
  readonly bell: number;
  readonly lock: number;
  readonly single: boolean;
  readonly mode: WaitMode;
  readonly pooled: boolean;
  /** See {@linkcode Spinner}. */
  readonly longestBreak: number;
}

/** Spins for the lock before checking whether its holder is dead, which costs system calls. */
const LOCK_SPINNER = new Spinner({ most: 200, steady: true });

/** How long the result of checking the other end is valid, in milliseconds. */
const LEAST_LOOK_MS = 20;

/** Stands for the epoch of an end that has not joined. */
const NOT_JOINED = -1;

/** One end, as one Channel object uses it. */
export abstract class End {
  readonly memory: RingMemory;
  readonly plan: EndPlan;
  /** The lock of this end, held by the object at work; undefined if there may be only one. */
  readonly lock: RobustWord | undefined;
  protected readonly calls: CallQueue;
  readonly #tryLock = { attempt: () => this.lock?.tryTake() || undefined };
  readonly #strategy: WaitStrategy;
  readonly #membership: Membership;
  /** The loss epoch in which this joined: a lost page ends the membership. */
  #joined = NOT_JOINED;
  #lookedMs = -Infinity;
  #closed = false;
  /** A slot or a peeked message, which keeps the lock. */
  protected inUse: { settle(): void } | undefined;

  constructor(memory: RingMemory, membership: Membership, plan: EndPlan) {
    this.memory = memory;
    this.#membership = membership;
    this.plan = plan;
    const { words } = memory;
    this.#strategy = new WaitStrategy(plan.mode, plan.longestBreak);
    this.calls = this.#strategy.calls;
    this.lock = plan.single ? undefined : new RobustWord(words, plan.lock);
  }

  /** Reads where the end is, when this one joins. */
  protected abstract reload(): void;
  /** With the lock held: reads again what others of this end have done. */
  abstract takeOver(cells: Int32Array): void;
  /** Called when this end joins, before anybody else can. */
  protected abstract joined(): void;
  /** Called when the last one leaves, before anybody else can join. */
  abstract deserted(): void;

  /**
   * Checks and joins, before each call.
   *
   * @throws {Deno.errors.BadResource} If the channel is closed.
   * @throws {Deno.errors.Busy} If there is another user of this end and only one is allowed, or
   * something is reserved or peeked.
   */
  protected ready(): void {
    if (this.inUse !== undefined) this.#assertUnused();
    if (this.#joined !== this.memory.words.lossWatch.epoch) this.#join();
  }

  /** @throws {Deno.errors.Busy} If a slot or message is in use and was not lost. */
  #assertUnused(): void {
    this.memory.check();
    if (!this.isLost) {
      throw new Deno.errors.Busy(`Cannot ${this.plan.action}: a slot or message is in use`);
    }
    this.inUse = undefined;
  }

  /** Whether this end has lost its role and its lock, because a page of its memory was lost. */
  get isLost(): boolean {
    return this.#joined !== this.memory.words.lossWatch.epoch;
  }

  #join(): void {
    this.assertOpen();
    this.#membership.take(this.plan.role, this.plan.single, () => this.joined());
    this.reload();
    this.#joined = this.memory.words.lossWatch.epoch;
  }

  /** @throws {Deno.errors.BadResource} If the channel is closed. */
  assertOpen(): void {
    if (!this.#closed) return;
    throw new Deno.errors.BadResource(`Cannot ${this.plan.action}: the channel is closed`);
  }

  /** Gives back what is in use, for good. Waiting calls are rejected. */
  close(): void {
    this.#closed = true;
    this.inUse?.settle();
    if (this.#joined === NOT_JOINED) return;
    this.#joined = NOT_JOINED;
    this.memory.wake(this.plan.bell);
  }

  /** Runs `action` with the lock held. @returns undefined if somebody else holds it */
  protected underLock<T>(action: () => T | undefined): T | undefined {
    if (this.lock === undefined) return action();
    const { cells } = this.memory;
    if (!this.takeTurn(this.lock, cells)) return undefined;
    try {
      this.takeOver(cells);
      return action();
    } finally {
      this.unlock();
    }
  }

  /** Takes the lock. @returns false if somebody else holds it */
  protected takeTurn(lock: RobustWord, cells: Int32Array): boolean {
    return lock.tryTake(cells) || LOCK_SPINNER.spin(this.#tryLock) || lock.takeNow() !== undefined;
  }

  /** Gives the lock back, unless something is in use. */
  unlock(): void {
    if (this.inUse === undefined) this.lock?.release();
  }

  /** Runs `action` again and again, until it returns a result. */
  protected untilSync<T>(patience: Patience, action: () => T | undefined): T {
    if (this.lock?.isOwn) {
      // Another object of this isolate holds the lock. While this thread sleeps, it could not give
      // the lock back.
      throw new Deno.errors.Busy(
        `Cannot ${this.plan.action}: this isolate has a slot or message of it in use`,
      );
    }
    return this.#strategy.waitSync(new EndAttempt(this, action), patience);
  }

  /** As `untilSync`, after all other awaited calls, without blocking the event loop. */
  protected until<T>(patience: Patience, action: () => T | undefined): Promise<T> {
    return this.#strategy.wait(this.plan.action, patience, () => {
      // While other calls came first, it may have been closed, or one of them has a message in use.
      this.assertOpen();
      if (this.inUse !== undefined) this.#assertUnused();
      return new EndAttempt(this, action);
    });
  }

  /** As `until`, but without a wait if no other call comes first and `action` succeeds at once. */
  protected soon<T>(patience: Patience, action: () => T | undefined): Promise<T> {
    const early = this.calls.idle ? this.underLock(action) : undefined;
    return early === undefined ? this.until(patience, action) : this.atOnce(early);
  }

  /** See {@linkcode WaitStrategy}. */
  protected atOnce<T>(result: T): Promise<T> {
    return this.#strategy.atOnce(result);
  }

  /** The error if the other end has died. This checks no more often than necessary. */
  lost(): Error | undefined {
    // Each wait begins with this, and most waits are short, but a check costs microseconds.
    const now = performance.now();
    if (now - this.#lookedMs < LEAST_LOOK_MS) return undefined;
    this.#lookedMs = now;
    const { action, otherRole } = this.plan;
    const pid = this.#membership.lostPid(otherRole);
    this.memory.check();
    if (pid === undefined) return undefined;
    return new Deno.errors.ConnectionReset(
      `Cannot ${action}: the ${ROLE_NAMES[otherRole]}, process ${pid}, has died`,
    );
  }
}

/** One call's attempt: for the lock, and then for its action. */
class EndAttempt<T> implements Attempt<T> {
  readonly words: Words;
  readonly action: string;
  index = 0;
  expected = 0;
  readonly #end: End;
  readonly #act: () => T | undefined;
  /** Whether it slept for the lock. */
  #queued = false;

  constructor(end: End, act: () => T | undefined) {
    this.words = end.memory.words;
    this.action = end.plan.action;
    this.#end = end;
    this.#act = act;
  }

  attempt(): T | undefined {
    const { lock } = this.#end;
    if (lock === undefined) return this.#act();
    if (!lock.tryTake()) return undefined;
    try {
      this.#end.takeOver(this.#end.memory.cells);
      return this.#act();
    } finally {
      this.#end.unlock();
    }
  }

  prepare(thorough: boolean): T | undefined {
    this.#end.assertOpen();
    const { lock } = this.#end;
    if (lock !== undefined) {
      if (lock.takeOrWait(this.#queued, thorough) === undefined) {
        this.#queued = true;
        this.index = lock.index;
        this.expected = lock.expected;
        return undefined;
      }
      this.#queued = false;
    }
    try {
      if (lock !== undefined) this.#end.takeOver(this.#end.memory.cells);
      return this.#look(thorough);
    } finally {
      this.#end.unlock();
    }
  }

  #look(thorough: boolean): T | undefined {
    const { bell } = this.#end.plan;
    // Before the last look: either this look finds what the other end did, or the other end finds
    // the bell set.
    Atomics.store(this.words.cells, bell, 1);
    // Also before the look: the last actions of the other end come before its death.
    const lost = thorough ? this.#end.lost() : undefined;
    const result = this.#act();
    if (result !== undefined) return result;
    if (lost !== undefined) throw lost;
    this.index = bell;
    this.expected = 1;
    return undefined;
  }

  cancel(): undefined {
    if (this.#queued) this.#end.lock!.passOn();
  }
}
