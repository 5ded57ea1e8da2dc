/** How many may run at once; the others wait in the order in which they came. */

/** A count of permits, within one isolate. */
export class Permits {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Runs `start` with a permit: now, or when one gets free. */
  enter(start: () => void): void {
    if (this.#free === 0) {
      this.#waiting.add(start);
      return;
    }
    this.#free--;
    start();
  }

  /** Gives a permit back, or adds one. */
  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }

  /** Takes one out that waits. @returns false if it does not wait */
  forget(start: () => void): boolean {
    return this.#waiting.delete(start);
  }
}
