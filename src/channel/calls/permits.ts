/** Permits to run. Waiters get them in the order in which they came. */

/** A count of permits, within one isolate. */
export class Permits {
  #free: number;
  /** The waiters. The queue has their order, and may still contain some that no longer wait. */
  readonly #waiting = new Set<() => void>();
  #queue: (() => void)[] = [];
  #head = 0;

  constructor(count: number) {
    this.#free = count;
  }

  /** Runs `start` with a permit: now, or when one becomes free. */
  enter(start: () => void): void {
    if (this.#free === 0) {
      this.#waiting.add(start);
      this.#queue.push(start);
      return;
    }
    this.#free--;
    start();
  }

  /** Gives a permit back, or adds one. */
  leave(): void {
    const next = this.#next();
    if (next === undefined) this.#free++;
    else next();
  }

  #next(): (() => void) | undefined {
    while (this.#head < this.#queue.length) {
      const start = this.#queue[this.#head++]!;
      const waited = this.#waiting.delete(start);
      this.#shorten();
      if (waited) return start;
    }
    return undefined;
  }

  /** Removes a waiter. @returns false if it was not waiting */
  forget(start: () => void): boolean {
    const waited = this.#waiting.delete(start);
    this.#shorten();
    return waited;
  }

  /** Drops those that no longer wait, once they are most of the queue. */
  #shorten(): void {
    if (this.#queue.length < 64 || this.#queue.length < 2 * this.#waiting.size) return;
    this.#queue = [...this.#waiting];
    this.#head = 0;
  }
}
