/** One call of a client, until the server has ended it. */

import type { Patience } from "../../wait/patience.ts";
import { decodeError } from "./errors.ts";
import { ABORTED, ANSWER, FAILURE, type Frame, Parts, TIMED_OUT } from "./frames.ts";

/** What fails, for messages. */
export const ACTION = "call server";

/** The longest time that a timer can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The call itself. */
export class PendingCall {
  readonly request: Uint8Array;
  /** The number of the call; 0 before it is sent. */
  id = 0;
  readonly start: () => void;
  readonly #parts = new Parts();
  readonly #cancel: (why: number) => void;
  readonly #settlers = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
  #settled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #signal: AbortSignal | undefined;

  /** @param cancel called if the call is given up before the server has ended it */
  constructor(
    request: Uint8Array,
    start: (call: PendingCall) => void,
    cancel: (call: PendingCall, why: number) => void,
  ) {
    this.request = request;
    this.start = () => start(this);
    this.#cancel = (why) => cancel(this, why);
  }

  get promise(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#settlers.promise;
  }

  /** Whether the caller has its result. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Limits the call by a deadline and a signal. */
  limit({ deadline, signal }: Patience): void {
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
    if (deadline !== Infinity) this.#setTimer(deadline);
  }

  #setTimer(deadline: number): void {
    const leftMs = deadline - performance.now();
    const late = leftMs > LONGEST_TIMER_MS ? () => this.#setTimer(deadline) : () => this.#late();
    this.#timer = setTimeout(late, Math.min(leftMs, LONGEST_TIMER_MS));
  }

  #late(): void {
    this.fail(new Deno.errors.TimedOut(`Cannot ${ACTION}: the time is up`));
    this.#cancel(TIMED_OUT);
  }

  readonly #abort = (): void => {
    this.fail(this.#signal!.reason);
    this.#cancel(ABORTED);
  };

  /** Takes a part of the answer, or drops it if the call was given up. */
  add({ part }: Frame): void {
    if (!this.#settled) this.#parts.add(part);
  }

  /**
   * Ends the call, as the server says. @throws {Deno.errors.InvalidData} If the server may not end
   * it in that way.
   */
  end(kind: number): void {
    if (this.#settled) return;
    switch (kind) {
      case ANSWER:
        this.#settle();
        return this.#settlers.resolve(this.#parts.take());
      case FAILURE:
        return this.fail(decodeError(this.#parts.take()));
      default:
        throw new Deno.errors.InvalidData(
          `Cannot ${ACTION}: the server ended a call that was not cancelled`,
        );
    }
  }

  fail(reason: unknown): void {
    if (this.#settled) return;
    this.#settle();
    this.#settlers.reject(reason);
  }

  #settle(): void {
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
  }
}
