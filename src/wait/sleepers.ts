/** A count of the threads that may sleep. While it is 0, no system call for waking is made. */

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

  /** Counts this waiter, once. Pairs with the load of the thread that wakes. */
  announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    Atomics.add(this.#words.cells, this.#index, 1);
  }

  /** Removes this waiter from the count. */
  leave(): void {
    if (!this.#announced) return;
    this.#announced = false;
    Atomics.sub(this.#words.cells, this.#index, 1);
  }
}
