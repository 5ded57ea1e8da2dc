/** Who is at one end of a channel, and whether they live. */

import { briefly } from "../sync/briefly.ts";
import { THREADS } from "../sync/holder.ts";
import { RobustWord } from "../sync/robust_word.ts";
import type { Words } from "../sync/words.ts";
import { LIST_LOCK } from "./layout.ts";

/** How many there can be at one end. */
const MOST = 60;

const WORDS_EACH = 4;
const FINGERPRINT = 1;
const PID = 2;

/** The list of one end, at `first`. It changes under a lock, for a few operations. */
export class Endpoints {
  readonly #words: Words;
  readonly #first: number;
  readonly #lock: RobustWord;
  readonly #name: string;

  /** @param name "producer" or "consumer" */
  constructor(words: Words, first: number, name: string) {
    this.#words = words;
    this.#first = first;
    this.#lock = new RobustWord(words, LIST_LOCK, THREADS);
    this.#name = name;
  }

  /**
   * Enters one more. Where only one may be, it takes the place of one that died.
   *
   * @param entered run before anybody else can enter or leave
   * @returns its place
   * @throws {Deno.errors.Busy} If it is full.
   */
  enter(single: boolean, entered: () => void): number {
    return this.#locked("join", () => {
      const { cells } = this.#words;
      this.#dropDead(cells);
      const living = this.#places(cells);
      if (living.length >= (single ? 1 : MOST)) throw this.#full(single, cells[living[0]! + PID]!);
      const place = this.#freePlace(cells);
      const { tid, fingerprint } = THREADS.self();
      cells[place + FINGERPRINT] = fingerprint;
      cells[place + PID] = Deno.pid;
      // Last: a place whose thread is 0 is free, whatever else is in it.
      Atomics.store(cells, place, tid);
      entered();
      return place;
    });
  }

  #full(single: boolean, pid: number): Error {
    const state = single
      ? `process ${pid} is its ${this.#name}, and it has one; "multiple" allows several`
      : `it has ${MOST} ${this.#name}s, as many as it can`;
    return new Deno.errors.Busy(`Cannot join channel: ${state}`);
  }

  /** Takes one out. @param last run if nobody who lives is left */
  leave(place: number, last: () => void): void {
    this.#locked("leave", () => {
      const { cells } = this.#words;
      Atomics.store(cells, place, 0);
      const isLast = this.#places(cells).every((other) => isDeadAt(cells, other));
      if (isLast) last();
    });
  }

  /** If some were there and all of them are dead: the process of one. */
  lostPid(): number | undefined {
    return this.#locked("look into", () => {
      const { cells } = this.#words;
      const places = this.#places(cells);
      if (places.length === 0) return undefined;
      return places.every((place) => isDeadAt(cells, place)) ? cells[places[0]! + PID] : undefined;
    });
  }

  #dropDead(cells: Int32Array): void {
    for (const place of this.#places(cells)) {
      if (THREADS.isDead(cells[place]!, cells[place + FINGERPRINT]!)) {
        Atomics.store(cells, place, 0);
      }
    }
  }

  #places(cells: Int32Array): number[] {
    const places: number[] = [];
    for (let i = 0; i < MOST; i++) {
      const place = this.#first + i * WORDS_EACH;
      if (Atomics.load(cells, place) !== 0) places.push(place);
    }
    return places;
  }

  #freePlace(cells: Int32Array): number {
    let place = this.#first;
    while (cells[place] !== 0) place += WORDS_EACH;
    return place;
  }

  #locked<T>(verb: string, action: () => T): T {
    return briefly(this.#lock, `${verb} channel`, action);
  }
}

function isDeadAt(cells: Int32Array, place: number): boolean {
  return THREADS.isDeadLately(cells[place]!, cells[place + FINGERPRINT]!);
}
