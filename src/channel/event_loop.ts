/** Letting the event loop run between calls that succeed at once. */

/** How long such calls may follow each other before the event loop runs, in milliseconds. */
const LONGEST_MS = 8;

/** How many calls there are between two looks at the clock. */
const CALLS = 64;

/**
 * Yields to the event loop now and then. A call that succeeds at once ends in a microtask, so a
 * loop of such calls over a busy channel would block timers, signals and everything else for ever.
 */
export class EventLoopYielder {
  #calls = 0;
  #lastMs = performance.now();

  /** Called after each awaited call that did not wait. @returns what to await, usually nothing */
  yieldIfDue(): Promise<void> | undefined {
    if (++this.#calls < CALLS) return undefined;
    this.#calls = 0;
    return performance.now() - this.#lastMs < LONGEST_MS ? undefined : this.#yield();
  }

  /** Called after a call that waited: the event loop has run meanwhile. */
  reset(): void {
    this.#calls = 0;
    this.#lastMs = performance.now();
  }

  async #yield(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.reset();
  }
}
