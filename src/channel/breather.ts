/** Time for the event loop. */

/** How long awaited calls may succeed at once before the event loop has its turn, in milliseconds. */
const LONGEST_MS = 8;

/** How many calls there are between two looks at the clock. */
const CALLS = 64;

/**
 * Lets the event loop run now and then. A call that succeeds at once ends in a microtask; a loop of
 * them over a busy channel would keep timers, signals and everything else waiting for ever.
 */
export class Breather {
  #calls = 0;
  #lastMs = performance.now();

  /** After each awaited call that did not wait. @returns what to await, mostly nothing */
  due(): Promise<void> | undefined {
    if (++this.#calls < CALLS) return undefined;
    this.#calls = 0;
    return performance.now() - this.#lastMs < LONGEST_MS ? undefined : this.#breathe();
  }

  /** After a call that waited. */
  breathed(): void {
    this.#calls = 0;
    this.#lastMs = performance.now();
  }

  async #breathe(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.breathed();
  }
}
