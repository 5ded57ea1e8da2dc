/** Computing values, one at a time for a key: in this isolate, and over all processes. */

import { Flights, type KeyHashes, OwnFlight } from "./flights.ts";
import type { CacheCore } from "./core.ts";

/** What a flight is about. */
export interface Task<T> {
  readonly hashes: KeyHashes;
  /** The same for the same key of the same namespace. */
  readonly id: string;
  readonly patience: number;
  /** @returns undefined if the value is not there; what is there may be nothing */
  look(): { readonly value: T | undefined } | undefined;
  compute(signal: AbortSignal): T | undefined | Promise<T | undefined>;
  keep(value: T | undefined): void;
}

/** How a flight ended. */
type Outcome<T> =
  | { readonly ok: true; readonly value: T | undefined }
  | { readonly ok: false; readonly error: unknown };

/** A value that is being computed here, or waited for. */
class Flight<T> {
  readonly controller: AbortController = new AbortController();
  readonly outcome: Promise<Outcome<T>>;
  own: OwnFlight | undefined;
  #interested = 0;

  constructor(run: (flight: Flight<T>) => Promise<T | undefined>) {
    this.outcome = run(this).then(
      (value) => ({ ok: true, value }),
      (error) => ({ ok: false, error }),
    );
  }

  /**
   * Waits for the outcome.
   *
   * @returns undefined if the time is up
   * @throws the signal's reason; if nobody else waits, the computation is aborted
   */
  async join(signal: AbortSignal | undefined, timeoutMs: number): Promise<Outcome<T> | undefined> {
    this.#interested++;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const timer = timeoutMs < LONGEST_TIMER
      ? setTimeout(() => resolve(undefined), timeoutMs)
      : undefined;
    const abort = (): void => reject(signal!.reason);
    signal?.addEventListener("abort", abort);
    try {
      return await Promise.race([this.outcome, promise]);
    } catch (reason) {
      if (this.#interested === 1 && !this.own?.isAwaited) this.controller.abort(reason);
      throw reason;
    } finally {
      this.#interested--;
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Keeps it going even if nobody waits. */
  keepGoing(): void {
    this.#interested++;
  }
}

/** Longer timers end at once. */
const LONGEST_TIMER = 2 ** 31;

/** The flights of an open cache in this isolate. */
export class Computations {
  readonly #core: CacheCore;
  readonly #flights: Flights;
  // deno-lint-ignore no-explicit-any -- of whatever the namespaces hold
  readonly #here: Map<string, Flight<any>> = new Map();

  constructor(core: CacheCore) {
    this.#core = core;
    this.#flights = new Flights(core);
  }

  /** The value of a task, by whoever computes it. @throws what this caller's function has thrown */
  async run<T>(task: Task<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
    const end = performance.now() + task.patience;
    while (true) {
      signal?.throwIfAborted();
      const there = task.look();
      if (there !== undefined) return there.value;
      const other = this.#here.get(task.id) as Flight<T> | undefined;
      const flight = other ?? this.#start(task, (flight) => this.#fly(task, flight));
      const leftMs = other === undefined ? Infinity : Math.max(0, end - performance.now());
      const outcome = await flight.join(signal, leftMs);
      if (outcome === undefined) return this.#alone(task, signal);
      if (outcome.ok) return outcome.value;
      if (other === undefined) throw outcome.error;
    }
  }

  /** Computes a value in the background, unless somebody does. */
  refresh<T>(task: Task<T>): void {
    if (this.#here.has(task.id)) return;
    const own = this.#flights.begin(task.hashes);
    if (own !== undefined && !(own instanceof OwnFlight)) return;
    this.#start(task, (flight) => this.#compute(task, flight, own)).keepGoing();
  }

  #start<T>(task: Task<T>, run: (flight: Flight<T>) => Promise<T | undefined>): Flight<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const flight: Flight<T> = new Flight(async (flight) => {
      await promise;
      try {
        return await run(flight);
      } finally {
        if (this.#here.get(task.id) === flight) this.#here.delete(task.id);
      }
    });
    this.#here.set(task.id, flight);
    resolve();
    return flight;
  }

  /** Begins the flight as soon as no other process computes the value. */
  async #fly<T>(task: Task<T>, flight: Flight<T>): Promise<T | undefined> {
    const end = performance.now() + task.patience;
    const { signal } = flight.controller;
    let own = this.#flights.begin(task.hashes);
    while (own !== undefined && !(own instanceof OwnFlight)) {
      try {
        const taken = await own.wait(Math.max(0, end - performance.now()), signal);
        const there = task.look();
        if (there !== undefined) {
          taken?.end();
          return there.value;
        }
        own = taken ?? this.#flights.begin(task.hashes);
      } catch (error) {
        if (!(error instanceof Deno.errors.TimedOut)) throw error;
        own = undefined;
      }
    }
    return await this.#compute(task, flight, own);
  }

  async #compute<T>(
    task: Task<T>,
    flight: Flight<T>,
    own: OwnFlight | undefined,
  ): Promise<T | undefined> {
    const { counts } = this.#core;
    flight.own = own;
    try {
      // Whoever computed it before may have ended just now.
      const there = task.look();
      if (there !== undefined) return there.value;
      counts.flights++;
      if (own?.handedOver) counts.handedOver++;
      counts.note();
      const value = await task.compute(flight.controller.signal);
      task.keep(value);
      return value;
    } finally {
      own?.end();
    }
  }

  async #alone<T>(task: Task<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
    const flight = new Flight<T>((flight) => this.#compute(task, flight, undefined));
    const outcome = await flight.join(signal, Infinity);
    if (outcome!.ok) return outcome!.value;
    throw outcome!.error;
  }

  /** Aborts what is under way, and gives it up. */
  close(): void {
    const reason = new Deno.errors.BadResource("Cannot compute value: the cache is closed");
    for (const flight of this.#here.values()) {
      flight.controller.abort(reason);
      flight.own?.end();
    }
    this.#here.clear();
  }
}
