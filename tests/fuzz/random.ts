/**
 * What drives the fuzzer: numbers that follow from a seed and the number of a sequence.
 *
 * It is fast-check's generator without fast-check: that makes up all commands of a sequence before
 * the first one runs, while here each choice depends on what the ones before it have left open; and
 * it shrinks inside the process that a failure has ended.
 */

import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** A stream of choices. */
export class Random {
  readonly #generator: ReturnType<typeof xoroshiro128plus>;

  constructor(seed: number, sequence: number) {
    this.#generator = xoroshiro128plus(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ sequence);
    for (let i = 0; i < 8; i++) this.int(0, 1); // neighbouring seeds begin alike
  }

  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return most <= least ? least : uniformInt(this.#generator, least, most);
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.int(1, times) === 1;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.int(0, choices.length - 1)]!;
  }

  /** One of `choices`, or undefined if there are none. */
  pickAny<T>(choices: readonly T[]): T | undefined {
    return choices.length === 0 ? undefined : this.pick(choices);
  }

  /** Small numbers as often as large ones. */
  size(most: number): number {
    return this.int(1, this.int(1, this.int(1, most)));
  }

  bytes(byteLength: number): Uint8Array<ArrayBuffer> {
    const first = this.int(0, 255);
    const step = this.int(1, 255);
    const bytes = new Uint8Array(byteLength);
    for (let i = 0; i < byteLength; i++) bytes[i] = first + i * step;
    return bytes;
  }
}
