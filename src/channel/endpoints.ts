/** Who is at a channel, what they do there, and whether they live. */

import { briefly } from "../sync/briefly.ts";
import { THREADS } from "../sync/holder.ts";
import { RobustWord } from "../sync/robust_word.ts";
import type { Words } from "../sync/words.ts";
import { CONSUMER_BIT, ENDPOINTS, LIST_LOCK, MOST_ENDPOINTS, PRODUCER_BIT } from "./layout.ts";

/** What one can be, as a bit of its entry. */
export type Role = typeof PRODUCER_BIT | typeof CONSUMER_BIT;

/** For messages. */
export const ROLE_NAMES: Readonly<Record<Role, string>> = {
  [PRODUCER_BIT]: "producer",
  [CONSUMER_BIT]: "consumer",
};

const WORDS_EACH = 4;
const FINGERPRINT = 1;
const PID = 2;
const ROLES = 3;

/**
 * One Channel object's entry in the list. It enters when the object is made, so that its death is
 * noticed also if it comes before the first message. The list changes under a lock, for a few
 * operations.
 */
export class Membership {
  readonly #words: Words;
  readonly #lock: RobustWord;
  #place: number;

  /** @throws {Deno.errors.Busy} If the list is full. */
  constructor(words: Words) {
    this.#words = words;
    this.#lock = new RobustWord(words, LIST_LOCK, THREADS);
    this.#place = this.#locked("join", (cells) => this.#enter(cells));
  }

  #enter(cells: Int32Array): number {
    for (const place of placesOf(cells)) if (cells[place + ROLES] === 0) dropIfDead(cells, place);
    const place = freePlace(cells) ?? freePlaceOfDead(cells);
    if (place === undefined) {
      throw new Deno.errors.Busy(`Cannot join channel: ${MOST_ENDPOINTS} are there already`);
    }
    const { tid, fingerprint } = THREADS.self();
    cells[place + FINGERPRINT] = fingerprint;
    cells[place + PID] = Deno.pid;
    cells[place + ROLES] = 0;
    // Last: a place whose thread is 0 is free, whatever else is in it.
    Atomics.store(cells, place, tid);
    return place;
  }

  /**
   * Becomes a producer or consumer. Where only one may be, it takes the place of one that died.
   *
   * @param taken run before anybody else can
   * @throws {Deno.errors.Busy} If there is another one and may be only one.
   */
  take(role: Role, single: boolean, taken: () => void): void {
    this.#locked("join", (cells) => {
      for (const place of placesOf(cells, role)) retireIfDead(cells, place, role);
      const other = placesOf(cells, role).find((place) => place !== this.#place);
      if (single && other !== undefined) {
        throw new Deno.errors.Busy(
          `Cannot join channel: process ${cells[other + PID]} is its ${ROLE_NAMES[role]}, ` +
            `and it has one; "multiple" allows several`,
        );
      }
      cells[this.#place + ROLES]! |= role;
      taken();
    });
  }

  /** Leaves. @param deserted run for each role in which nobody who lives is left */
  leave(deserted: (role: Role) => void): void {
    this.#locked("leave", (cells) => {
      const roles = cells[this.#place + ROLES]!;
      for (const role of [PRODUCER_BIT, CONSUMER_BIT] as const) {
        if ((roles & role) === 0) continue;
        const others = placesOf(cells, role).filter((place) => place !== this.#place);
        if (others.every((place) => isDeadAt(cells, place))) deserted(role);
      }
      // Last: whoever dies before this is found dead, and nobody waits for ever.
      Atomics.store(cells, this.#place, 0);
    });
  }

  /**
   * The process of one in this role that died, if nobody lives in it. Before anybody was, whoever had
   * attached and was neither yet counts as one.
   */
  lostPid(role: Role): number | undefined {
    // Without the lock: whoever waits asks again and again, which takes system calls; one that was
    // stopped meanwhile would keep all others from joining, leaving and waiting.
    const { cells } = this.#words;
    let places = placesOf(cells, role);
    if (places.length === 0) {
      places = placesOf(cells)
        .filter((place) => place !== this.#place && cells[place + ROLES] === 0);
    }
    if (places.length === 0) return undefined;
    const pid = cells[places[0]! + PID];
    return places.every((place) => isDeadStill(cells, place)) ? pid : undefined;
  }

  /** The processes in a role, living and dead. */
  pids(role: Role): number[] {
    return this.#locked(
      "look into",
      (cells) => placesOf(cells, role).map((place) => cells[place + PID]!),
    );
  }

  #locked<T>(verb: string, action: (cells: Int32Array) => T): T {
    return briefly(this.#lock, `${verb} channel`, () => action(this.#words.cells));
  }
}

/** The places that are taken, of those in a role or of all. */
function placesOf(cells: Int32Array, role?: Role): number[] {
  return allPlaces().filter((place) =>
    Atomics.load(cells, place) !== 0 && (role === undefined || (cells[place + ROLES]! & role) !== 0)
  );
}

function allPlaces(): number[] {
  return Array.from({ length: MOST_ENDPOINTS }, (_, i) => ENDPOINTS + i * WORDS_EACH);
}

function freePlace(cells: Int32Array): number | undefined {
  return allPlaces().find((place) => Atomics.load(cells, place) === 0);
}

function freePlaceOfDead(cells: Int32Array): number | undefined {
  return allPlaces().find((place) => dropIfDead(cells, place));
}

function dropIfDead(cells: Int32Array, place: number): boolean {
  if (!THREADS.isDead(cells[place]!, cells[place + FINGERPRINT]!)) return false;
  Atomics.store(cells, place, 0);
  return true;
}

/** Somebody takes over what a dead one did; what else it did stays to be noticed. */
function retireIfDead(cells: Int32Array, place: number, role: Role): void {
  if (!THREADS.isDead(cells[place]!, cells[place + FINGERPRINT]!)) return;
  cells[place + ROLES]! &= ~role;
  if (cells[place + ROLES] === 0) Atomics.store(cells, place, 0);
}

/** As `isDeadAt`, without the lock: whoever was dead may have given the place to somebody else. */
function isDeadStill(cells: Int32Array, place: number): boolean {
  const tid = Atomics.load(cells, place);
  const fingerprint = cells[place + FINGERPRINT]!;
  // A new one writes its thread last, so the old one's stands there no longer than it is true.
  return tid !== 0 && THREADS.isDeadLately(tid, fingerprint) &&
    Atomics.load(cells, place) === tid && cells[place + FINGERPRINT] === fingerprint;
}

function isDeadAt(cells: Int32Array, place: number): boolean {
  return THREADS.isDeadLately(cells[place]!, cells[place + FINGERPRINT]!);
}
