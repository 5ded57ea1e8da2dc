/** Permits to run. Those without one wait in the order in which they came. */

/** A count of permits, within one isolate. */
export class Permits {
  #free: number;
  /** Those that wait. The queue has their order, and may still hold some that no longer wait. */
  readonly #waiting = new Set<() => void>();
  #queue: (() => void)[] = [];
  #head = 0;

  constructor(count: number) {
    this.#free = count;
  }

  /** Runs `start` with a permit: now, or when one gets free. */
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

  /** Takes one out that waits. @returns false if it does not wait */
  forget(start: () => void): boolean {
    const waited = this.#waiting.delete(start);
    this.#shorten();
    return waited;
  }

  /** Drops those that no longer wait, once most of the queue is such. */
  #shorten(): void {
    if (this.#queue.length < 64 || this.#queue.length < 2 * this.#waiting.size) return;
    this.#queue = [...this.#waiting];
    this.#head = 0;
  }
}
