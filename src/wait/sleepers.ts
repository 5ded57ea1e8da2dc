/** A count of the threads that may sleep. Where it is 0, no system call is made to wake somebody. */

import type { Words } from "./words.ts";

/** One waiter's part in such a count. */
export class Sleepers {
  readonly #words: Words;
  readonly #index: number;
  #announced = false;

  constructor(words: Words, index: number) {
    this.#words = words;
    this.#index = index;
  }

  /** Counts this waiter in, once. Pairs with the load of whoever may wake. */
  announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    Atomics.add(this.#words.cells, this.#index, 1);
  }

  /** Counts it out again. */
  leave(): void {
    if (!this.#announced) return;
    this.#announced = false;
    Atomics.sub(this.#words.cells, this.#index, 1);
  }
}
