/** The processes that have a queue open, their roles, and whether they are alive. */

import { withLock } from "../../wait/lock_attempt.ts";
import type { Threads } from "../../wait/holder.ts";
import { RobustWord } from "../../wait/robust_word.ts";
import type { Words } from "../../wait/words.ts";
import {
  CONSUMER_BIT,
  ENDPOINTS,
  LIST_LOCK,
  MOST_ENDPOINTS,
  PRODUCER_BIT,
} from "./queue_layout.ts";

/** A role, as a bit of an entry. */
export type Role = typeof PRODUCER_BIT | typeof CONSUMER_BIT;

/** The roles' names in messages. */
export const ROLE_NAMES: Readonly<Record<Role, string>> = {
  [PRODUCER_BIT]: "producer",
  [CONSUMER_BIT]: "consumer",
};

const WORDS_EACH = 4;
const FINGERPRINT = 1;
const PID = 2;
const ROLES = 3;
/** How long to wait for the lock of the list, in milliseconds; it is held for microseconds. */
const LOCK_MS = 1000;

const ENDPOINTS_END = ENDPOINTS + MOST_ENDPOINTS * WORDS_EACH;

/**
 * The entry of one Channel object in the list. It is made with the object, so that a death before the
 * first message is noticed too. The list changes under a lock, for a few operations.
 */
export class Membership {
  readonly #words: Words;
  readonly #lock: RobustWord;
  #entry: number;
  /** The loss epoch in which it entered. If a page was lost since, the entry counts as dead. */
  #epoch: number;

  /** @throws {Deno.errors.Busy} If the list is full. */
  constructor(words: Words) {
    this.#words = words;
    this.#lock = new RobustWord(words, LIST_LOCK);
    this.#entry = this.#locked("join", (cells) => this.#enter(cells));
    words.lossWatch.check();
    this.#epoch = words.lossWatch.epoch;
  }

  get #isLost(): boolean {
    return this.#epoch !== this.#words.lossWatch.epoch;
  }

  #enter(cells: Int32Array): number {
    const { threads } = this.#words;
    for (const entry of entriesOf(cells)) {
      if (cells[entry + ROLES] === 0) dropIfDead(threads, cells, entry);
    }
    const entry = freeEntry(cells) ?? freeEntryOfDead(threads, cells);
    if (entry === undefined) {
      throw new Deno.errors.Busy(`Cannot join channel: it has ${MOST_ENDPOINTS} endpoints already`);
    }
    const { number, fingerprint } = threads.self();
    cells[entry + FINGERPRINT] = fingerprint;
    cells[entry + PID] = Deno.pid;
    cells[entry + ROLES] = 0;
    // Last: an entry whose number is 0 is free, whatever else is in it.
    Atomics.store(cells, entry, number);
    return entry;
  }

  /**
   * Becomes a producer or consumer. If only one is allowed, it takes over from a dead one.
   *
   * @param taken called before anybody else can join
   * @throws {Deno.errors.Busy} If there is another one and only one is allowed.
   */
  take(role: Role, single: boolean, taken: () => void): void {
    this.#locked("join", (cells) => {
      if (this.#isLost) {
        this.#entry = this.#enter(cells);
        this.#epoch = this.#words.lossWatch.epoch;
      }
      for (const entry of entriesOf(cells, role)) {
        retireIfDead(this.#words.threads, cells, entry, role);
      }
      const other = entriesOf(cells, role).find((entry) => entry !== this.#entry);
      if (single && other !== undefined) {
        throw new Deno.errors.Busy(
          `Cannot join channel: process ${cells[other + PID]} is its ${ROLE_NAMES[role]}, ` +
            `and only one is allowed without "multiple"`,
        );
      }
      cells[this.#entry + ROLES]! |= role;
      taken();
    });
    this.#words.lossWatch.check();
  }

  /** Leaves. @param deserted called for each role without a living member left */
  leave(deserted: (role: Role) => void): void {
    if (this.#isLost) return;
    try {
      this.#locked("leave", (cells) => this.#desert(cells, deserted));
    } catch (error) {
      const { TimedOut, InvalidData } = Deno.errors;
      if (!(error instanceof TimedOut || error instanceof InvalidData)) throw error;
      // It leaves without the lock, and does not tell the others: the holder may keep the lock for
      // ever, or the list is damaged.
      Atomics.store(this.#words.cells, this.#entry, 0);
    }
  }

  #desert(cells: Int32Array, deserted: (role: Role) => void): void {
    const roles = cells[this.#entry + ROLES]!;
    for (const role of [PRODUCER_BIT, CONSUMER_BIT] as const) {
      if ((roles & role) === 0) continue;
      const others = entriesOf(cells, role).filter((entry) => entry !== this.#entry);
      if (others.every((entry) => isGoneAt(this.#words.threads, cells, entry))) deserted(role);
    }
    // This comes last: a process that dies before it is found dead, and nobody waits for ever.
    Atomics.store(cells, this.#entry, 0);
  }

  /**
   * The process that died in this role, if nobody in the role is alive. While nobody has ever had
   * the role, entries without a role count too. This takes no lock, since its holder may be stopped
   * in the middle of a change.
   */
  lostPid(role: Role): number | undefined {
    const { cells, threads } = this.#words;
    const inRole = new Tally(threads);
    const idle = new Tally(threads);
    for (let entry = ENDPOINTS; entry < ENDPOINTS_END; entry += WORDS_EACH) {
      if (Atomics.load(cells, entry) === 0) continue;
      // Each entry is read once, so that both counts treat it in the same way.
      const roles = Atomics.load(cells, entry + ROLES);
      if ((roles & role) !== 0) inRole.count(cells, entry);
      else if (roles === 0 && entry !== this.#entry) idle.count(cells, entry);
    }
    return inRole.any ? inRole.lostPid : idle.lostPid;
  }

  /** The processes in a role, living and dead. */
  pids(role: Role): number[] {
    const { cells } = this.#words;
    return entriesOf(cells, role).map((entry) => cells[entry + PID]!);
  }

  /**
   * @throws {Deno.errors.TimedOut} If the holder of the lock was stopped in the middle of a change.
   */
  #locked<T>(verb: string, action: (cells: Int32Array) => T): T {
    return withLock(this.#lock, `${verb} channel`, () => action(this.#words.cells), LOCK_MS);
  }
}

/** The entries in use, of one role or of all. */
function entriesOf(cells: Int32Array, role?: Role): number[] {
  return allEntries().filter((entry) =>
    Atomics.load(cells, entry) !== 0 && (role === undefined || (cells[entry + ROLES]! & role) !== 0)
  );
}

/** What an entry says. */
export interface Endpoint {
  readonly number: number;
  readonly fingerprint: number;
  readonly pid: number;
  readonly roles: number;
}

/** What the list says, for whoever only looks. */
export function endpointsIn(cells: Int32Array): Endpoint[] {
  return entriesOf(cells).map((entry) => ({
    number: cells[entry]!,
    fingerprint: cells[entry + FINGERPRINT]!,
    pid: cells[entry + PID]!,
    roles: cells[entry + ROLES]!,
  }));
}

function allEntries(): number[] {
  return Array.from({ length: MOST_ENDPOINTS }, (_, i) => ENDPOINTS + i * WORDS_EACH);
}

function freeEntry(cells: Int32Array): number | undefined {
  return allEntries().find((entry) => Atomics.load(cells, entry) === 0);
}

function freeEntryOfDead(threads: Threads, cells: Int32Array): number | undefined {
  return allEntries().find((entry) => dropIfDead(threads, cells, entry));
}

function dropIfDead(threads: Threads, cells: Int32Array, entry: number): boolean {
  if (!isGoneAt(threads, cells, entry)) return false;
  Atomics.store(cells, entry, 0);
  return true;
}

/** Takes one role from a dead entry. Its other role stays, so that others notice the death. */
function retireIfDead(threads: Threads, cells: Int32Array, entry: number, role: Role): void {
  if (!isGoneAt(threads, cells, entry)) return;
  cells[entry + ROLES]! &= ~role;
  if (cells[entry + ROLES] === 0) Atomics.store(cells, entry, 0);
}

/** Whether an entry has no living owner. It may leave without the lock, at any moment. */
function isGoneAt(threads: Threads, cells: Int32Array, entry: number): boolean {
  return Atomics.load(cells, entry) === 0 || isDeadAt(threads, cells, entry);
}

/** Whether the owner of an entry is certainly dead; who has left is not. */
function isDeadAt(threads: Threads, cells: Int32Array, entry: number): boolean {
  const number = Atomics.load(cells, entry);
  const fingerprint = Atomics.load(cells, entry + FINGERPRINT);
  // If the entry has changed its owner meanwhile, the fingerprint may be another one's: then the
  // answer is no for now.
  return number !== 0 && Atomics.load(cells, entry) === number &&
    threads.isDead(number, fingerprint);
}

/** Counts entries: whether there are any, and whether all of them are dead. */
class Tally {
  readonly #threads: Threads;
  any = false;
  #pid = 0;
  #living = false;

  constructor(threads: Threads) {
    this.#threads = threads;
  }

  count(cells: Int32Array, entry: number): void {
    this.any = true;
    if (this.#living) return;
    if (isDeadAt(this.#threads, cells, entry)) this.#pid = cells[entry + PID]!;
    else this.#living = true;
  }

  get lostPid(): number | undefined {
    return this.any && !this.#living ? this.#pid : undefined;
  }
}
